import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Case, Contender } from '../../../scripts/bench/cases.mjs';
import { comparisons, runCase } from '../../../scripts/bench/run-case.mjs';
import { median } from '../../../scripts/bench/statistics.mjs';
import { keptFolder } from '../../helpers/temporary.ts';

const folder = await keptFolder();
const bench = fileURLToPath(new URL('../../../scripts/bench/', import.meta.url));
const setting = { python: '', data: '', seconds: 0.01 };

test('the median of an even number of values is the mean of the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
});

test('compares the fastest contenders of two frameworks, round by round', () => {
  const resultOf = (framework: string, name: string, seconds: number[]) => ({
    framework,
    name,
    seconds,
    note: '',
    peakBytes: 0,
    medianSeconds: median(seconds),
  });
  const [comparison] = comparisons(
    [
      resultOf('tfjs-lora', 'slow', [4, 4, 4]),
      resultOf('tfjs-lora', 'fast', [1, 2, 1]),
      resultOf('PyTorch', '1 thread', [9, 9, 9]),
      resultOf('PyTorch', '2 threads', [3, 8, 3]),
    ],
    { PyTorch: 2 },
  );
  expect(comparison).toMatchObject({ product: 'fast', against: '2 threads', ratios: [3, 4, 3], goal: 2 });
  expect(comparison!.ratio).toEqual({ median: 3, min: 3, max: 4 });
});

test('contenders take turns, in reverse order in every second round', async () => {
  const log = join(folder, 'turns.txt');
  writeFileSync(log, '');
  const script = writeProgram(
    `import { appendFileSync } from 'node:fs';
     import { readWork, serve } from ${JSON.stringify(join(bench, 'round-protocol.mjs'))};
     const { engine } = readWork();
     let warm = false;
     await serve(() => { if (warm) appendFileSync(${JSON.stringify(log)}, engine + '\\n'); warm = true; return 5; }, 0);`,
  );
  const result = await runCase(caseOf('serve', ['A', 'B'], script), 3, setting);
  expect(readFileSync(log, 'utf8').split('\n').filter(Boolean)).toEqual(['A', 'B', 'B', 'A', 'A', 'B']);
  expect(result.contenders.map(({ seconds }) => seconds.length)).toEqual([3, 3]);
});

test('a run reports its own time, a process is timed from start to exit', async () => {
  const script = writeProgram(
    `await new Promise((done) => setTimeout(done, 60)); console.log(JSON.stringify({ elapsedMs: 7, note: 'hello' }));`,
  );
  const run = await runCase(caseOf('run', ['A'], script), 2, setting);
  expect(run.contenders[0]).toMatchObject({ seconds: [0.007, 0.007], note: 'hello' });
  const whole = await runCase(caseOf('process', ['A'], script), 1, setting);
  expect(whole.contenders[0]!.medianSeconds).toBeGreaterThan(0.06);
});

test('each cold run has an empty cache folder, cached runs share one', async () => {
  const script = writeProgram(
    `import { readdirSync, writeFileSync } from 'node:fs';
     const folder = process.env.JAX_COMPILATION_CACHE_DIR;
     const note = String(readdirSync(folder).length);
     writeFileSync(folder + '/' + process.pid, '');
     console.log(JSON.stringify({ elapsedMs: 1, note }));`,
  );
  const cold = await runCase(caseOf('run', ['A'], script), 2, setting);
  expect(cold.contenders[0]!.note).toBe('0');
  const cached = await runCase({ ...caseOf('run', ['A'], script), cached: true }, 2, setting);
  expect(cached.contenders[0]!.note).toBe('2');
});

test('fails with the stderr of a program that fails', async () => {
  const script = writeProgram(`console.error('no such thing'); process.exitCode = 3;`);
  await expect(runCase(caseOf('serve', ['A'], script), 1, setting)).rejects.toThrow(/no such thing/);
});

let programs = 0;

/** Writes a program for a contender; returns its path relative to the bench, as in `Contender.script`. */
function writeProgram(text: string): string {
  const file = join(folder, `program${programs++}.mjs`);
  writeFileSync(file, text);
  return relative(bench, file);
}

function caseOf(kind: Case['kind'], names: string[], script: string): Case {
  const contenders = names.map(
    (name): Contender => ({
      name,
      framework: name,
      program: 'node',
      script: [script],
      work: { engine: name },
    }),
  );
  return { name: 'test', title: 'test', unit: 's', kind, work: {}, contenders };
}

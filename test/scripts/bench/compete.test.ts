import { readFileSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import type { Case, Contender } from '../../../scripts/bench/cases.mjs';
import { comparisons, compete } from '../../../scripts/bench/compete.mjs';
import { median } from '../../../scripts/bench/statistics.mjs';
import { keptFolder } from '../../helpers/temporary.ts';

const folder = await keptFolder();
const bench = fileURLToPath(new URL('../../../scripts/bench/', import.meta.url));
const setting = { python: '', data: '', seconds: 0.01 };

test('the median of an even number of values lies between the middle two', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([9, 1, 5])).toBe(5);
});

test("a team's fastest stands for it, and ratios are taken within each round", () => {
  const standing = (team: string, name: string, seconds: number[]) => ({
    ...{ team, name, seconds, note: '', peakBytes: 0 },
    medianSeconds: median(seconds),
  });
  const [one] = comparisons(
    [
      standing('tfjs-lora', 'slow', [4, 4, 4]),
      standing('tfjs-lora', 'fast', [1, 2, 1]),
      standing('PyTorch', '1 thread', [9, 9, 9]),
      standing('PyTorch', '2 threads', [3, 8, 3]),
    ],
    { PyTorch: 2 },
  );
  expect(one).toMatchObject({ product: 'fast', against: '2 threads', ratios: [3, 4, 3], goal: 2 });
  expect(one!.ratio).toEqual({ median: 3, least: 3, most: 4 });
});

test('contenders take turns, in the opposite order in every second round', async () => {
  const log = join(folder, 'turns.txt');
  writeFileSync(log, '');
  const script = program(
    `import { appendFileSync } from 'node:fs';
     import { readWork, serve } from ${JSON.stringify(join(bench, 'rounds.mjs'))};
     const { engine } = readWork();
     let warm = false;
     await serve(() => { if (warm) appendFileSync(${JSON.stringify(log)}, engine + '\\n'); warm = true; return 5; }, 0);`,
  );
  const result = await compete(kase('serve', ['A', 'B'], script), 3, setting);
  expect(readFileSync(log, 'utf8').split('\n').filter(Boolean)).toEqual(['A', 'B', 'B', 'A', 'A', 'B']);
  expect(result.standings.map(({ seconds }) => seconds.length)).toEqual([3, 3]);
});

test('a run is timed by itself, a process from start to end', async () => {
  const script = program(
    `await new Promise((done) => setTimeout(done, 60)); console.log(JSON.stringify({ elapsedMs: 7, note: 'hello' }));`,
  );
  const run = await compete(kase('run', ['A'], script), 2, setting);
  expect(run.standings[0]).toMatchObject({ seconds: [0.007, 0.007], note: 'hello' });
  const whole = await compete(kase('process', ['A'], script), 1, setting);
  expect(whole.standings[0]!.medianSeconds).toBeGreaterThan(0.06);
});

test('each cold run gets an empty folder for compiled code, cached runs share one', async () => {
  const script = program(
    `import { readdirSync, writeFileSync } from 'node:fs';
     const folder = process.env.JAX_COMPILATION_CACHE_DIR;
     const note = String(readdirSync(folder).length);
     writeFileSync(folder + '/' + process.pid, '');
     console.log(JSON.stringify({ elapsedMs: 1, note }));`,
  );
  const cold = await compete(kase('run', ['A'], script), 2, setting);
  expect(cold.standings[0]!.note).toBe('0');
  const cached = await compete({ ...kase('run', ['A'], script), cached: true }, 2, setting);
  expect(cached.standings[0]!.note).toBe('2');
});

test('a program that fails ends the case with what it said, and the others are stopped', async () => {
  const script = program(`console.error('no such thing'); process.exitCode = 3;`);
  await expect(compete(kase('serve', ['A'], script), 1, setting)).rejects.toThrow(/no such thing/);
});

let programs = 0;

/** A program of the bench's kind, named as cases name theirs. */
function program(text: string): string {
  const file = join(folder, `program${programs++}.mjs`);
  writeFileSync(file, text);
  return relative(bench, file);
}

function kase(kind: Case['kind'], names: string[], script: string): Case {
  const contenders = names.map(
    (name): Contender => ({
      ...{ name, team: name, program: 'node', script: [script], work: { engine: name } },
    }),
  );
  return { name: 'test', title: 'test', unit: 's', kind, work: {}, contenders };
}

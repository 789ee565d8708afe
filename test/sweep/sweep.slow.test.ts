import { existsSync } from 'node:fs';
import { readdir, readFile, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { readSweepReport } from '../../src/sweep/index.ts';
import { useBuild } from '../helpers/build.ts';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';

/** See `workplaceWithBase`. */
let cwd: string;
useBuild();
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

const small = sh`--digits 2,3 --steps 20 --held-out 0.25 --data data --quiet`;

/** The files that determine a trial's result, by its name. */
async function weightsOf(out: string): Promise<Record<string, string>> {
  const trials = (await readdir(join(cwd, out, 'trials'))).filter((name) => !name.includes('.'));
  const entries = trials.sort().map(async (name) => {
    const path = join(cwd, out, 'trials', name, 'adapter', 'adapter_model.safetensors');
    return [name, (await readFile(path)).toString('base64')] as const;
  });
  return Object.fromEntries(await Promise.all(entries));
}

test('trains every combination and seed, and reports them', async () => {
  const { code, out, err } = await runCommand(
    cwd,
    sh`sweep base ${small} --rank 1,2 --replay 0,0.5 --seeds 0-1 --out grid`,
  );
  expect({ code, err }).toEqual({ code: 0, err: '' });
  expect(out).toMatch(/^recommended: /m);
  const report = await readSweepReport(join(cwd, 'grid/sweep.json'));
  expect(report.configurations.map(({ name }) => name)).toEqual([
    'rank 1, replay 0',
    'rank 1, replay 0.5',
    'rank 2, replay 0',
    'rank 2, replay 0.5',
  ]);
  expect(report.configurations.every(({ seeds, failed }) => seeds.length === 2 && failed === 0)).toBe(true);
  expect(report.data.heldOutExamples).toBe(10);
  expect(report.test.map(({ configuration }) => configuration)).toEqual([report.recommended, report.best]);
  expect(await readFile(join(cwd, 'grid/sweep.html'), 'utf8')).toContain('<svg');
});

test('the same trial has the same bits with one and with several workers', async () => {
  await runCommand(cwd, sh`sweep base ${small} --rank 1,2 --replay 0,0.5 --seeds 0-1 --jobs 1 --out one`);
  await runCommand(cwd, sh`sweep base ${small} --rank 1,2 --replay 0,0.5 --seeds 0-1 --jobs 3 --out three`);
  expect(Object.keys(await weightsOf('one'))).toHaveLength(8);
  expect(await weightsOf('three')).toEqual(await weightsOf('one'));
});

test('adding values trains only what is new', async () => {
  await runCommand(cwd, sh`sweep base ${small} --rank 1 --seeds 0-1 --out more`);
  const records = async () =>
    Object.fromEntries(
      await Promise.all(
        (await readdir(join(cwd, 'more/trials')))
          .filter((name) => name.endsWith('.json'))
          .map(async (name) => [name, await readFile(join(cwd, 'more/trials', name), 'utf8')] as const),
      ),
    );
  const before = await records();
  const { code } = await runCommand(cwd, sh`sweep base ${small} --rank 1,2 --seeds 0-2 --out more`);
  expect(code).toBe(0);
  const after = await records();
  expect(Object.keys(after)).toHaveLength(6);
  // Times and memory differ whenever a trial is trained again.
  expect(after).toMatchObject(before);
});

test('a trial that diverges is reported and does not stop the others', async () => {
  const { code, out } = await runCommand(
    cwd,
    sh`sweep base ${small} --lr 0.001,1e30 --seeds 0-1 --out diverging`,
  );
  expect(code).toBe(0);
  expect(out).toMatch(/^failed: .*"learningRate":1e\+30.*, seed 0: .*loss/m);
  const { configurations, failures } = await readSweepReport(join(cwd, 'diverging/sweep.json'));
  expect(configurations).toHaveLength(1);
  expect(failures).toHaveLength(2);
});

test.each([
  ['targets', 'linear2;linaer1'],
  ['target-weights', 'linear2.kernel;linaer1.kernel'],
  ['exclude', 'linear2;linaer1'],
])('a misspelt name in --%s is rejected before the first trial', async (option, names) => {
  const argv = [...sh`sweep base ${small} --out misspelt`, `--${option}`, names];
  const { code, err } = await runCommand(cwd, argv);
  expect({ code, err }).toEqual({
    code: 2,
    err: expect.stringMatching(/^error: \w+ 'linaer1(\.kernel)?': matches no (layer|weight)/),
  });
  expect(existsSync(join(cwd, 'misspelt'))).toBe(false);
});

test('if every trial fails, the command fails with the first reason', async () => {
  const { code, err } = await runCommand(cwd, sh`sweep base ${small} --lr 1e30 --seeds 0 --out none`);
  expect(code).toBe(5);
  expect(err).toMatch(/all 1 trials failed; the first: .*loss/);
});

test('a trial whose worker is killed is trained by another one', async () => {
  const grid = sh`base ${small} --rank 1,2 --seeds 0-3`;
  const running = execa('node', [resolve('bin/tfjs-lora.mjs'), ...sh`sweep ${grid} --jobs 2 --out killed`], {
    cwd,
  });
  const killed = new Set<string>();
  while (killed.size < 2) {
    const { stdout } = await execa('pgrep', ['-P', String(running.pid)], { reject: false });
    for (const worker of stdout.split('\n')) {
      if (worker === '' || killed.has(worker)) continue;
      killed.add(worker);
      process.kill(Number(worker), 'SIGKILL');
    }
  }
  await running;
  await runCommand(cwd, sh`sweep ${grid} --jobs 1 --out whole`);
  expect(Object.keys(await weightsOf('killed'))).toHaveLength(8);
  expect(await weightsOf('killed')).toEqual(await weightsOf('whole'));
});

test('halving drops the worse half and trains the rest longer', async () => {
  const { code } = await runCommand(
    cwd,
    sh`sweep base ${small} --steps 40 --lr 0.0001,0.001,0.01,0.1 --seeds 0-1 --halving --out halved`,
  );
  expect(code).toBe(0);
  const { rounds, configurations } = await readSweepReport(join(cwd, 'halved/sweep.json'));
  expect(rounds).toEqual([
    { steps: 20, configurations: 4 },
    { steps: 40, configurations: 2 },
  ]);
  expect(configurations.map(({ configuration }) => configuration.steps)).toEqual([40, 40]);
});

test('a grid of more than 10,000 trials has to be confirmed or sampled', async () => {
  const rates = Array.from({ length: 3000 }, (_, index) => (index + 1) / 1e4).join(',');
  const { code, err } = await runCommand(cwd, sh`sweep base ${small} --lr ${rates} --out large`);
  expect(code).toBe(2);
  expect(err).toMatch(/3000 combinations with 5 seeds are 15000 trials, more than 10000; .*--trials.*--yes/);
});

test.each([
  [sh`--rank 1,2,1`, 2, /grid: rank: 1 is listed twice/],
  [sh`--rank 1,,2`, 2, /--rank .*It has an empty value/],
  [sh`--ranks 1`, 2, /unknown option '--ranks'/],
  [
    sh`--lr ${Array.from({ length: 3000 }, (_, index) => (index + 1) / 1e4).join(',')}`,
    2,
    /15000 trials, more than 10000; .*--trials|--yes/,
  ],
  [sh`--rank 1,2 --trials 3`, 2, /trials 3: fewer than the 5 seeds/],
  [sh`--digits 2,12`, 2, /label 12/],
])('%j ends with exit code %d', async (options, code, message) => {
  const result = await runCommand(
    cwd,
    sh`sweep base --held-out 0.25 --steps 5 --data data ${options} --out bad`,
  );
  expect(result.code).toBe(code);
  expect(result.err + result.out).toMatch(message);
  await rm(join(cwd, 'bad'), { recursive: true, force: true });
});

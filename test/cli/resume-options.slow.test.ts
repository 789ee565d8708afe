import { cp, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Command } from '@commander-js/extra-typings';
import { beforeAll, describe, expect, test } from 'vitest';
import { addFinetuneCommand } from '../../src/cli/commands/finetune/command.ts';
import { optionName } from '../../src/cli/settings/options.ts';
import { interruptOnProgress, runCommand, sh, workplaceWithBase } from '../helpers/command.ts';
import { recordedContext } from '../helpers/context.ts';

/** Settings that a resumed run keeps: a value to start with that is not the default, and another one. */
const KEPT = {
  digits: ['2,3', '2,4'],
  steps: ['60', '50'],
  replay: ['0.4', '0.5'],
  'max-drop': ['90', '80'],
  validation: ['0.3', '0.4'],
  'check-every': ['10', '20'],
  patience: ['50', '3'],
  'batch-size': ['5', '10'],
  lr: ['0.01', '0.001'],
  optimizer: ['momentum', 'adam'],
  schedule: ['step', 'constant'],
  'lr-every': ['7', '1000'],
  'lr-factor': ['0.5', '0.1'],
  warmup: ['3', '0'],
  'clip-norm': ['2', '1'],
  seed: ['5', '0'],
  rank: ['4', '2'],
  alpha: ['8', '1'],
  targets: ['linear1,linear3', 'all'],
  'target-weights': ['linear1.kernel', 'linear3.kernel'],
  exclude: ['linear3', 'linear1'],
  method: ['weight', 'side'],
  bias: ['lora-only', 'none'],
  init: ['gaussian', 'kaiming'],
  dropout: ['0', '0.1'],
  'rank-pattern': ['linear1=3', 'linear1=5'],
  'alpha-pattern': ['linear1=6', 'linear1=7'],
  'modules-to-save': ['linear2', 'linear3'],
} as const;

/** Switches that a resumed run keeps; they cannot be unset. */
const KEPT_SWITCHES = ['search-strength', 'rslora', 'dora'];

/** Options that a resumed run keeps unless they are set again. */
const KEPT_UNLESS_SET = ['engine', 'device', 'tf32', 'deterministic', 'adjust'];

/** Options of this command line only. */
const OF_THE_COMMAND = [
  'tensorboard',
  'data',
  'out',
  'overwrite',
  'resume',
  'progress',
  'quiet',
  'config',
].concat(
  ['print-config', 'format', 'json', 'report', 'min-accuracy', 'min-digit-accuracy', 'max-digit-drop'],
  ['max-other-drop', 'min-gain', 'significant', 'policy'],
);

const started = sh`finetune base --engine eager --device cpu --search-strength --rslora`.concat(
  Object.entries(KEPT).flatMap(([name, [value]]) => [`--${name}`, value]),
);

/** See `workplaceWithBase`; `stopped` is a run that a signal stopped, `whole` the same run without the signal. */
let cwd: string;
const manifestOf = async (run: string) => JSON.parse(await readFile(join(cwd, run, 'run.json'), 'utf8'));
beforeAll(async () => {
  cwd = await workplaceWithBase();
  const argv = sh`${started} --out stopped --report r.html --tensorboard log --min-accuracy 0`;
  expect(await runCommand(cwd, argv, interruptOnProgress('SIGINT'))).toMatchObject({ code: 130 });
  expect(await runCommand(cwd, sh`${started} --out whole --quiet`)).toMatchObject({ code: 0 });
});

test('every option is known to this file', () => {
  const program = new Command();
  addFinetuneCommand(program, recordedContext());
  const known = [...Object.keys(KEPT), ...KEPT_SWITCHES, ...KEPT_UNLESS_SET, ...OF_THE_COMMAND];
  expect(program.commands[0]!.options.map(optionName).sort()).toEqual(known.sort());
});

describe('a resumed run', () => {
  test('keeps all settings if none is set, and ends as without the stop', async () => {
    await cp(join(cwd, 'stopped'), join(cwd, 'kept'), { recursive: true });
    const before = await manifestOf('kept');
    expect(before).toMatchObject({ status: 'stopped', training: { engine: 'eager', steps: 60 } });
    expect(before.training.stepsDone).toBeLessThan(60);
    expect((await runCommand(cwd, sh`finetune base --resume --out kept`)).code).toBe(0);
    const [after, whole] = [await manifestOf('kept'), await manifestOf('whole')];
    expect(after.options).toEqual({ ...before.options, resume: true });
    expect(after).toMatchObject({ status: whole.status, training: { engine: 'eager', device: 'cpu' } });
    for (const file of ['metrics.jsonl', 'adapter/adapter_model.safetensors']) {
      const [resumedBytes, wholeBytes] = await Promise.all(
        ['kept', 'whole'].map((run) => readFile(join(cwd, run, file))),
      );
      expect(resumedBytes!.equals(wholeBytes!)).toBe(true);
    }
  });

  test('that is complete is refused without more steps, also if the guard ended it early', async () => {
    expect(await runCommand(cwd, sh`finetune base --resume --out whole`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/^error: whole: .*(done|complete); use more --steps to train longer$/),
    });
  });

  test.each(Object.entries(KEPT))('refuses another --%s', async (name, [, other]) => {
    const result = await runCommand(cwd, sh`finetune base --resume --out stopped --${name} ${other}`);
    expect(result).toMatchObject({ code: 2 });
    expect(result.err).toMatch(/cannot be resumed with/);
  });

  test('refuses another training set', async () => {
    const other = join(cwd, 'other');
    await cp(join(cwd, 'data'), other, { recursive: true });
    const images = await readFile(join(other, 'train-images-idx3-ubyte'));
    images[images.length - 1]! ^= 1;
    await writeFile(join(other, 'train-images-idx3-ubyte'), images);
    expect(await runCommand(cwd, sh`finetune base --resume --out stopped --data other`)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/was trained on another training set .*name its folder with --data$/m),
    });
  });

  test.each<[string, (options: Record<string, object>) => unknown, string]>([
    [
      'steps',
      (options) => Object.assign(options, { steps: 61 }),
      'options: steps is 61, the rest of the file has 60',
    ],
    ['seed', (options) => Object.assign(options, { seed: 1e99 }), 'options: seed: must be'],
    [
      'batchSize',
      (options) => Object.assign(options, { batchSize: -1 }),
      'options: batchSize: must be at least 1 (-1)',
    ],
    [
      'engine',
      (options) => Object.assign(options, { engine: 5 }),
      'options: engine: must be one of auto, eager',
    ],
    ['an unknown key', (options) => Object.assign(options, { lr: 1 }), 'options: lr: unknown'],
    [
      'validation',
      (options) => Object.assign(options, { validation: -3 }),
      'options: validation: must be at least',
    ],
    [
      'targetLabels',
      (options) => Object.assign(options, { targetLabels: {} }),
      'options: targetLabels: must be a list',
    ],
    [
      'the rule',
      ({ optimizer }) => Object.assign(optimizer!, { rule: 'zzz' }),
      'options: optimizer.rule: must be',
    ],
    [
      'the rate',
      ({ optimizer }) => Object.assign(optimizer!, { learningRate: 'x' }),
      'learningRate: must be a number',
    ],
    [
      'the schedule',
      ({ optimizer }) => Object.assign(optimizer!, { schedule: [] }),
      'optimizer.schedule: must be one of',
    ],
    [
      'the warmup',
      ({ optimizer }) => Object.assign(optimizer!, { warmup: 60 }),
      'options: warmup of 60 steps',
    ],
    [
      'the guard',
      ({ guard }) => Object.assign(guard!, { checkEvery: 0 }),
      'options: guard.checkEvery: must be at least',
    ],
    ['the layers', ({ lora }) => Object.assign(lora!, { targets: 7 }), 'options: lora.targets: must be'],
    [
      'the dropout',
      ({ lora }) => Object.assign(lora!, { dropout: null }),
      'options: lora.dropout: must be a number',
    ],
    ['the rank', ({ lora }) => Object.assign(lora!, { rank: 0 }), 'options: rank'],
  ])('is refused if run.json has a damaged option: %s', async (name, change, message) => {
    const run = `damaged-${name.replaceAll(' ', '-')}`;
    await cp(join(cwd, 'stopped'), join(cwd, run), { recursive: true });
    const manifest = await manifestOf(run);
    change(manifest.options);
    await writeFile(join(cwd, run, 'run.json'), JSON.stringify(manifest));
    const result = await runCommand(cwd, sh`finetune base --resume --out ${run}`);
    expect(result.err).toContain(message);
    expect(result.code).toBe(4);
    expect(result.err.split('\n').filter((line) => line.startsWith('error'))).toHaveLength(1);
  });
});

describe('a run that is complete but not in place', () => {
  test.each([
    [
      'finetune',
      sh`finetune base --digits 2,3 --steps 20 --engine eager --max-drop 100 --validation 0.5`,
      10,
    ],
    ['pretrain', sh`pretrain --steps 20 --engine eager`, 0],
  ])('is reported by %s --resume as by the uninterrupted command', async (name, argv, code) => {
    const gated = name === 'finetune' ? sh`${argv} --min-accuracy 1` : argv;
    const command = sh`${gated} --out ${name}-done --report ${name}.json --json`;
    const whole = await runCommand(cwd, command);
    expect(whole.code).toBe(code);
    const file = await readFile(join(cwd, `${name}.json`), 'utf8');
    await writeFile(join(cwd, `${name}.json`), '');
    await rename(join(cwd, `${name}-done`), join(cwd, `${name}-done.partial-999999999-00000000`));
    const resumed = await runCommand(cwd, sh`${command} --resume`);
    expect(resumed.code).toBe(code);
    expect(JSON.parse(resumed.out)).toEqual(JSON.parse(whole.out));
    expect(JSON.parse(await readFile(join(cwd, `${name}.json`), 'utf8'))).toEqual(JSON.parse(file));
    expect(await manifestOf(`${name}-done`)).toMatchObject({ status: 'complete' });
    expect((await runCommand(cwd, sh`${command} --resume`)).code).toBe(2);
  });
});

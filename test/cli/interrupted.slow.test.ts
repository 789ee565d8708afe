import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { useBuild } from '../helpers/build.ts';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';

/** See `workplaceWithBase`. */
let cwd: string;
useBuild();
beforeAll(async () => {
  cwd = await workplaceWithBase();
});

/**
 * Starts a command of the built command line in another process, which saves a checkpoint after each call of the engine.
 *
 * @param limits a shell command to run before
 */
function start(argv: readonly string[], limits = ':') {
  const built = (name: string) => JSON.stringify(pathToFileURL(`dist/cli/${name}.js`).href);
  const script = `import { processContext } from ${built('context')};
    import { main } from ${built('main')};
    process.exitCode = await main(${JSON.stringify(argv)}, { ...processContext(), checkpointEveryMs: 0 });`;
  const line = `${limits} && exec "$0" --input-type=module --eval "$1"`;
  return execa('sh', ['-c', line, process.execPath, script], { cwd, reject: false });
}

/** Waits until a run has a checkpoint. */
async function checkpointOf(name: string): Promise<void> {
  for (;;) {
    const folders = (await readdir(cwd)).filter((entry) => entry.startsWith(`${name}.partial-`));
    if (folders.some((folder) => existsSync(join(cwd, folder, 'run.json')))) return;
    await new Promise((done) => setTimeout(done, 20));
  }
}

const guard = sh`--replay 0.5 --max-drop 1 --validation 0.5 --check-every 10`;
const common = sh`--engine eager --data data`;

test.each([
  ['pretrain', sh`pretrain --steps 900 ${common}`, 'model/weights.bin'],
  [
    'finetune',
    sh`finetune base --digits 2,3 --lr 0.05 --steps 400 ${guard} ${common}`,
    'adapter/adapter_model.safetensors',
  ],
])('resumes a killed %s bit for bit', async (name, argv, weights) => {
  const [killed, whole] = [`${name}-killed`, `${name}-whole`];
  const running = start(sh`${argv} --quiet --out ${killed}`);
  await checkpointOf(killed);
  running.kill('SIGKILL');
  expect((await running).signal).toBe('SIGKILL');
  expect(existsSync(join(cwd, killed))).toBe(false);
  expect(await runCommand(cwd, sh`${argv} --out ${killed}`)).toMatchObject({
    code: 2,
    err: expect.stringMatching(/an unfinished \w+ is there \(last checkpoint at step \d+ of \d+\)/),
  });

  expect(await runCommand(cwd, sh`${argv} --out ${killed} --resume`)).toMatchObject({
    code: 0,
    err: expect.stringMatching(/resuming from the last checkpoint, step [1-9]\d* of/),
  });
  expect((await runCommand(cwd, sh`${argv} --out ${whole}`)).code).toBe(0);
  const bytes = (run: string) => readFile(join(cwd, run, weights));
  expect((await bytes(killed)).equals(await bytes(whole))).toBe(true);
  const metrics = (run: string) => readFile(join(cwd, run, 'metrics.jsonl'), 'utf8');
  expect(await metrics(killed)).toBe(await metrics(whole));
  expect((await readdir(cwd)).filter((entry) => entry.startsWith(`${killed}.`))).toEqual([]);
});

test('trains to the end on a full disk, and fails only when the run is saved', async () => {
  const argv = sh`pretrain --steps 900 --engine eager --out full`;
  const { exitCode, stderr } = await start(argv, 'ulimit -f 20');
  expect(exitCode).toBe(4);
  const warnings = stderr.split('\n').filter((line) => line.startsWith('warning:'));
  expect(warnings).toEqual([
    expect.stringMatching(/training continues without a new checkpoint: .* cannot be written: \w+/),
  ]);
  expect(stderr).toMatch(/pretraining: 900\/900 steps.*\n(.*\n)*error: .* cannot be written: \w+/);
  expect((await readdir(cwd)).filter((entry) => entry.startsWith('full'))).toEqual([]);
});

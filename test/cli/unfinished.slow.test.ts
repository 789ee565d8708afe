import { existsSync } from 'node:fs';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { execa } from 'execa';
import { beforeAll, expect, test } from 'vitest';
import { runCommand, workplaceWithBase } from '../helpers/command.ts';

/** See `workplaceWithBase`. */
let cwd: string;
beforeAll(async () => {
  await execa('npm', ['run', 'build']);
  cwd = await workplaceWithBase();
});

/** Starts a command of the built command line in a process that saves checkpoints as often as it may. */
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

const common = ['--engine', 'eager', '--data', 'data', '--quiet', '--out'];

test.each([
  ['pretrain', ['pretrain', '--steps', '900'], 'model/weights.bin'],
  [
    'finetune',
    [
      ...['finetune', 'base', '--digits', '2,3', '--lr', '0.05', '--steps', '400', '--replay', '0.5'],
      ...['--max-drop', '1', '--validation', '0.5', '--check-every', '10'],
    ],
    'adapter/adapter_model.safetensors',
  ],
])('%s, killed while it trains, goes on and ends as if it had not been', async (name, argv, result) => {
  const [killed, whole] = [`${name}-killed`, `${name}-whole`];
  const running = start([...argv, ...common, killed]);
  await checkpointOf(killed);
  running.kill('SIGKILL');
  expect((await running).signal).toBe('SIGKILL');
  expect(existsSync(join(cwd, killed))).toBe(false);
  const again = await runCommand(cwd, [...argv, ...common, killed]);
  expect(again).toMatchObject({
    code: 2,
    err: expect.stringMatching(/its last checkpoint at step \d+ of \d+; go on with/),
  });

  const resumed = await runCommand(cwd, [
    ...argv,
    ...common.filter((word) => word !== '--quiet'),
    killed,
    '--resume',
  ]);
  expect(resumed).toMatchObject({
    code: 0,
    err: expect.stringMatching(/it goes on from its last checkpoint, step [1-9]\d* of/),
  });
  expect((await runCommand(cwd, [...argv, ...common, whole])).code).toBe(0);
  const bytes = (run: string) => readFile(join(cwd, run, result));
  expect((await bytes(killed)).equals(await bytes(whole))).toBe(true);
  const metrics = (run: string) => readFile(join(cwd, run, 'metrics.jsonl'), 'utf8');
  expect(await metrics(killed)).toBe(await metrics(whole));
  expect((await readdir(cwd)).filter((entry) => entry.startsWith(`${killed}.`))).toEqual([]);
});

test('a disk that takes no more ends no training; only that the run cannot be saved is an error', async () => {
  const argv = ['pretrain', '--steps', '900', '--engine', 'eager', '--out', 'full'];
  const { exitCode, stderr } = await start(argv, 'ulimit -f 20');
  expect(exitCode).toBe(4);
  const warnings = stderr.split('\n').filter((line) => line.startsWith('warning:'));
  expect(warnings).toEqual([
    expect.stringMatching(/goes on without a new checkpoint: .* cannot be written: \w+$/),
  ]);
  expect(stderr).toMatch(/pretraining: 900\/900 steps.*\n(.*\n)*error: .* cannot be written: \w+$/);
  expect((await readdir(cwd)).filter((entry) => entry.startsWith('full'))).toEqual([]);
});

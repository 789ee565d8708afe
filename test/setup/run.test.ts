import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { resolve } from 'node:path';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { failureReason, run } from '../../src/setup/run.ts';

test('a program runs with extra variables, and its stdout and stderr are returned together', async () => {
  const result = await run('sh', ['-c', 'echo "$WORD"; echo two >&2'], { WORD: 'one' });
  expect(result).toEqual({ ok: true, notFound: false, output: 'one\ntwo' });
});

test('a program that does not exist differs from one that fails', async () => {
  expect(await run('sh', ['-c', 'echo bad; exit 3'])).toEqual({ ok: false, notFound: false, output: 'bad' });
  expect(await run('no-such-program', [])).toMatchObject({ ok: false, notFound: true });
});

test('a program is killed if this process is ended by a signal', async () => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const program = `require('node:net').connect(${port}, '127.0.0.1')`;
  const script = `
    const { run } = await import(process.argv[1]);
    await run(process.execPath, ['-e', process.argv[2]]);`;
  const parent = execa(
    process.execPath,
    ['--input-type=module', '-e', script, resolve('dist/setup/run.js'), program],
    { reject: false },
  );
  const [connection] = (await once(server, 'connection')) as [Socket];
  connection.resume().on('error', () => {}); // a killed program may reset it
  parent.kill('SIGTERM');
  await once(connection, 'close');
  expect((await parent).signal).toBe('SIGTERM');
  server.close();
});

test.for([
  ['Collecting x\nERROR: first\nERROR: no network\nhint: try later\n', 'no network'],
  ['one\ntwo\n', 'two'],
  ['', 'no output'],
] as const)('the output %j is summed up as %j', ([output, reason]) => {
  expect(failureReason(output)).toBe(reason);
});

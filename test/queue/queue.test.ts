import { once } from 'node:events';
import { createServer } from 'node:net';
import { describe, expect, onTestFinished, test } from 'vitest';
import { cancelSweeps, queueStatus, runWorker } from '../../src/queue/index.ts';
import { runCommand, sh } from '../helpers/command.ts';
import { type RedisServer, startRedis, withoutRedis } from '../helpers/redis.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test.each([
  ['', /not a URL/],
  ['localhost', /not a URL/],
  ['http://me:hunter2@host', /starts with http:, not with redis: or rediss:/],
  ['redis://', /no host/],
  ['redis://me:hunter2@host:6379/abc', /not the number of a database/],
  ['redis://me:hunter2@host/1?family=6', /after \? or #/],
  ['redis://me:hunter2%zz@host', /% that is not followed by two hexadecimal digits/],
  ['redis://me:hunter2@host:70000', /not a URL/],
])('the address %j is refused in one line without its password', async (url, message) => {
  const error = await queueStatus({ url }).catch((reason: Error) => reason);
  expect(error).toMatchObject({ exitCode: 2, message: expect.stringMatching(message) });
  expect(String(error)).not.toMatch(/hunter2|\n/);
});

test.each([
  [{ prefix: 'a b' }, /queue prefix a b: must be/],
  [{ prefix: '*' }, /queue prefix \*: must be/],
  [{ expireHours: 0 }, /expiry of 0 hours/],
  [{ expireHours: Number.NaN }, /expiry of NaN hours/],
])('the settings %j are refused', async (settings, message) => {
  await expect(queueStatus({ url: 'redis://127.0.0.1:1', ...settings })).rejects.toThrow(message);
});

test.each([
  [{ jobs: 0 }, /jobs 0/],
  [{ limits: { steps: 1.5 } }, /steps 1\.5/],
  [{ limits: { seconds: -1 } }, /seconds -1/],
  [{ lostAfterSeconds: 0 }, /lostAfterSeconds 0/],
])('the options %j of a worker are refused', async (options, message) => {
  await expect(runWorker({ queue: { url: 'redis://127.0.0.1:1' }, ...options })).rejects.toThrow(message);
});

test('a server that is absent, unknown or not Redis gives one line', async () => {
  const failure = async (url: string) => await queueStatus({ url }).catch((reason: Error) => reason);
  expect(await failure('redis://me:hunter2@127.0.0.1:1')).toMatchObject({
    exitCode: 7,
    code: 'queue-unavailable',
    message: 'redis://127.0.0.1:1: cannot connect (ECONNREFUSED); start Redis there, or check host and port',
  });
  expect(await failure('redis://me:hunter2@no-such-host.invalid')).toMatchObject({
    exitCode: 7,
    message: expect.stringMatching(/^redis:\/\/no-such-host\.invalid:6379: (the host is unknown|cannot)/),
  });
  const web = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(
    0,
    '127.0.0.1',
  );
  await once(web, 'listening');
  onTestFinished(() => void web.close());
  const { port } = web.address() as { port: number };
  expect(await failure(`redis://127.0.0.1:${port}`)).toMatchObject({
    exitCode: 7,
    message: expect.stringMatching(/^redis:\/\/127\.0\.0\.1:\d+: cannot connect \(/),
  });
});

test.each([
  [sh`sweep status`, /--queue is missing/],
  [sh`sweep cancel`, /--queue is missing/],
  [sh`worker`, /--queue is missing/],
  [sh`sweep status --queue http://me:hunter2@host`, /starts with http:/],
  [sh`sweep status --queu=redis://me:hunter2@host`, /unknown option '--queu=redis:\/\/\*\*\*@host'/],
  [sh`worker --queue redis://127.0.0.1:1 --jobs 0`, /--jobs/],
])('%j ends with exit code 2', async (argv, message) => {
  const { code, out, err } = await runCommand(await temporaryFolder(), argv);
  expect(code).toBe(2);
  expect(err).toMatch(message);
  expect(out + err).not.toMatch(/hunter2/);
});

test('a password in a variable is not printed with the options', async () => {
  const env = { TFJS_LORA_QUEUE: 'redis://me:hunter2@127.0.0.1:1' };
  for (const argv of [
    sh`sweep status --print-config`,
    sh`worker --print-config`,
    sh`worker`,
    sh`sweep status`,
  ]) {
    const { out, err } = await runCommand(await temporaryFolder(), argv, { env });
    expect(out + err).toMatch(/127\.0\.0\.1/);
    expect(out + err).not.toMatch(/hunter2/);
  }
});

async function redisForTest(settings?: readonly string[]): Promise<RedisServer> {
  const server = await startRedis(settings);
  onTestFinished(() => server.stop());
  return server;
}

describe.skipIf(withoutRedis)('with Redis', () => {
  test('users and passwords are needed where the server needs them', async () => {
    const { port, url } = await redisForTest([
      '--requirepass',
      'hunter2',
      ...sh`--user ann on >p@ss ~* &* +@all`,
    ]);
    const status = async (login: string) =>
      await queueStatus({ url: `redis://${login}127.0.0.1:${port}` }).catch((reason: Error) => reason);
    expect(await status(':hunter2@')).toEqual({ sweeps: [], workers: [] });
    expect(await status('ann:p%40ss@')).toEqual({ sweeps: [], workers: [] });
    for (const login of ['', ':hunter3@', 'ann:hunter3@', 'bob:hunter3@']) {
      const error = await status(login);
      expect(error).toMatchObject({ exitCode: 7, code: 'queue-refused' });
      expect((error as Error).message).toMatch(
        new RegExp(`^${url}: Redis refused the user or password \\(.*\\); check them in the URL$`),
      );
      expect(String(error)).not.toMatch(/hunter/);
    }
  });

  test('an empty queue has no sweeps to cancel', async () => {
    const { url, client } = await redisForTest();
    expect(await queueStatus({ url: `${url}/1`, prefix: 'other' })).toEqual({ sweeps: [], workers: [] });
    await expect(cancelSweeps({ url })).rejects.toThrow('the queue has no sweep');
    await expect(cancelSweeps({ url }, ['x\n'])).rejects.toThrow(/sweep x\\u000a: not in the queue/);
    await expect(queueStatus({ url: `${url}/99` })).rejects.toThrow(
      `${url}/99: the server has no database 99`,
    );
    expect(await client.keys('*')).toEqual([]);
  });

  test('a server that deletes keys when it is full is pointed out', async () => {
    const { url } = await redisForTest(['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru']);
    const notices: string[] = [];
    const controller = new AbortController();
    await runWorker({
      queue: { url },
      jobs: 1,
      signal: controller.signal,
      onNotice: (line) => {
        notices.push(line);
        if (/connected/.test(line)) controller.abort();
      },
    });
    expect(notices[0]).toMatch(/allkeys-lru\); set maxmemory-policy to noeviction/);
  });
});

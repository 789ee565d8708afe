import { cpSync } from 'node:fs';
import { cp, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa, type ResultPromise } from 'execa';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { queueStatus } from '../../src/queue/index.ts';
import { readSweepReport, sweep } from '../../src/sweep/index.ts';
import { version } from '../../src/version.ts';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';
import { type RedisServer, startRedis, withoutRedis } from '../helpers/redis.ts';

/** See `workplaceWithBase`. */
let cwd: string;
let redis: RedisServer;

const small = sh`base --digits 2,3 --steps 20 --held-out 0.25 --data data --quiet`;
const grid = sh`${small} --rank 1,2 --replay 0,0.5 --seeds 0-1`;

/** A module that lets writing the weights of a trial's model fail as on a full disk. */
const FULL_DISK = `data:text/javascript,${encodeURIComponent(`
  import fs from 'node:fs';
  import { syncBuiltinESMExports } from 'node:module';
  const { open } = fs.promises;
  fs.promises.open = (path, ...options) =>
    /weights.bin.*partial/.test(path) && !/bases/.test(path)
      ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
      : open(path, ...options);
  syncBuiltinESMExports();
`)}`;

const workers = new Set<ResultPromise>();

/** Starts a worker in a process of its own. Its folder has the data under another path than that of the sweep. */
function startWorker(
  options: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
  queue = sh`--queue ${redis.url}`,
): ResultPromise {
  const argv = sh`worker ${queue} --jobs 1 --data images --lost-after 2 ${options}`;
  const worker = execa('node', [resolve('bin/tfjs-lora.mjs'), ...argv], {
    cwd: join(cwd, 'elsewhere'),
    env,
    reject: false,
  }) as ResultPromise;
  workers.add(worker);
  return worker;
}

/** The files of every trial, without times and memory. */
async function trialsOf(out: string): Promise<Record<string, string>> {
  const names = await readdir(join(cwd, out, 'trials'), { recursive: true, withFileTypes: true });
  const entries = names
    .filter((entry) => entry.isFile())
    .map(async (entry) => {
      const path = join(entry.parentPath, entry.name);
      const text = await readFile(path, 'latin1');
      return [
        path.slice(join(cwd, out).length),
        text.replace(/"(createdAt|elapsedMs|peakBytes)": [^,\n]+/g, ''),
      ] as const;
    });
  return Object.fromEntries((await Promise.all(entries)).sort());
}

describe.skipIf(withoutRedis)('a sweep over a queue', () => {
  beforeAll(async () => {
    cwd = await workplaceWithBase();
    await cp(join(cwd, 'data'), join(cwd, 'elsewhere/images'), { recursive: true });
    redis = await startRedis();
  });
  afterAll(() => redis.stop());
  beforeEach(async () => {
    await redis.client.flushall();
  });
  afterEach(() => {
    for (const worker of workers) worker.kill('SIGKILL');
    workers.clear();
  });

  test('gives the same run folders as a local one, and leaves nothing in the queue', async () => {
    const working = [startWorker(), startWorker()];
    const { code, err } = await runCommand(cwd, sh`sweep ${grid} --queue ${redis.url} --out queued`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    await runCommand(cwd, sh`sweep ${grid} --out local`);
    const queued = await trialsOf('queued');
    expect(Object.keys(queued).length).toBeGreaterThan(8 * 8);
    expect(queued).toEqual(await trialsOf('local'));
    expect(await readSweepReport(join(cwd, 'queued/sweep.json'))).toMatchObject({ failures: [] });
    for (const worker of working) worker.kill('SIGINT');
    await Promise.all(working);
    expect(await redis.client.keys('*')).toEqual([]);
  });

  test('a sweep that is stopped collects later what workers have finished', async () => {
    const controller = new AbortController();
    const options = {
      run: 'base',
      data: 'data',
      cwd,
      grid: { steps: [20] },
      targetLabels: [2, 3],
      seeds: [0, 1],
      heldOut: 0.25,
      out: 'stopped',
      device: 'cpu',
      queue: { url: redis.url },
    } as const;
    const stopped = await sweep({
      ...options,
      signal: controller.signal,
      onProgress: () => controller.abort(),
    });
    expect(stopped).toMatchObject({ status: 'stopped', done: 0, total: 2 });
    const { sweeps } = await queueStatus({ url: redis.url });
    expect(sweeps).toMatchObject([{ total: 2, waiting: 2, running: 0, done: 0, failed: 0, version }]);
    await expectExpiry();
    const worker = startWorker(sh`--idle-exit 5`);
    expect((await worker).exitCode).toBe(0);
    expect((await queueStatus({ url: redis.url })).sweeps).toMatchObject([{ waiting: 0, done: 2 }]);
    await expectExpiry();
    // No worker is running.
    expect(await sweep(options)).toMatchObject({ status: 'complete', report: { failures: [] } });
    expect(await redis.client.keys('*')).toEqual([]);
  });

  /** Every key disappears if nobody returns: Redis gives -1 for one that stays, and 0 in the last half second. */
  async function expectExpiry(): Promise<void> {
    const { client } = redis;
    const keys = await client.keys('*');
    expect(keys.length).toBeGreaterThan(5);
    const lifetimes = await Promise.all(keys.map(async (key) => [key, await client.ttl(key)] as const));
    expect(lifetimes.filter(([key, ttl]) => ttl === -1 || !key.startsWith('tfjs-lora:'))).toEqual([]);
  }

  test('a cancelled sweep ends, and its workers stop', async () => {
    const worker = startWorker();
    const lost = new Promise<void>((resolve) => {
      worker.stderr!.on('data', (text) => String(text).includes(': lost') && resolve());
    });
    let cancelling: Promise<unknown> | undefined;
    const running = sweep({
      run: 'base',
      data: 'data',
      cwd,
      grid: { steps: [1_000_000] },
      heldOut: 0.25,
      out: 'cancelled',
      queue: { url: redis.url },
      onProgress: ({ running: active }) => {
        if (active > 0) cancelling ??= runCommand(cwd, sh`sweep cancel --queue ${redis.url}`);
      },
    });
    await expect(running).rejects.toThrow(
      /^sweep [0-9a-f]{16}: was cancelled with 0 of 5 trials done; start it again to continue$/,
    );
    expect(await cancelling).toMatchObject({
      code: 0,
      out: expect.stringMatching(/^cancelled [0-9a-f]{16}$/),
    });
    await lost;
    worker.kill('SIGINT');
    const { exitCode, stderr } = await worker;
    expect(exitCode).toBe(130);
    expect(stderr).toMatch(/trial [0-9a-f]{16}: lost\n/);
    expect(stderr).toMatch(/0 trials done, 0 failed$/);
  });

  test('a worker that is stopped gives its trial back', async () => {
    const first = startWorker();
    let second: ResultPromise | undefined;
    const result = await sweep({
      run: 'base',
      data: 'data',
      cwd,
      grid: { steps: [3000] },
      seeds: [0],
      heldOut: 0.25,
      out: 'given-back',
      queue: { url: redis.url },
      onProgress: ({ running: active }) => {
        if (active === 0 || second) return;
        first.kill('SIGTERM');
        second = startWorker(sh`--idle-exit 20`);
      },
    });
    expect(result.status).toBe('complete');
    expect((await first).stderr).toMatch(/: given back\n0 trials done, 0 failed$/);
    expect((await first).exitCode).toBe(143);
  });

  test('a trial that ends its process fails after three attempts, with its reason', async () => {
    const worker = startWorker(sh`--max-memory 64 --idle-exit 30`);
    const { code, err } = await runCommand(
      cwd,
      sh`sweep ${small} --seeds 0 --queue ${redis.url} --out poisoned`,
    );
    expect({ code, err }).toEqual({
      code: 5,
      err: 'error: all 1 trials failed; the first: its process ended 3 times (it used more than 64 MB of memory)',
    });
    worker.kill('SIGINT');
    expect(String((await worker).stderr).match(/failed: it used more than 64 MB/g)).toHaveLength(3);
  });

  test('a base that changes during a sweep ends it', async () => {
    await cp(join(cwd, 'base'), join(cwd, 'changing'), { recursive: true });
    await runCommand(cwd, sh`pretrain --steps 9 --head linear --out other --quiet`);
    startWorker(sh`--idle-exit 30`);
    let isChanged = false;
    const running = sweep({
      run: 'changing',
      data: 'data',
      cwd,
      grid: { steps: [20] },
      seeds: [0, 1],
      heldOut: 0.25,
      out: 'changed',
      queue: { url: redis.url },
      onProgress: () => {
        if (!isChanged) cpSync(join(cwd, 'other'), join(cwd, 'changing'), { recursive: true });
        isChanged = true;
      },
    });
    await expect(running).rejects.toMatchObject({
      exitCode: 4,
      message: expect.stringMatching(/changing: the base changed during the sweep/),
    });
  });

  test('a full disk ends a worker and a sweep with one line', async () => {
    const env = { NODE_OPTIONS: `--import=${FULL_DISK}` };
    const local = await execa(
      'node',
      [resolve('bin/tfjs-lora.mjs'), ...sh`sweep ${small} --seeds 0-1 --jobs 2 --out full`],
      { cwd, env, reject: false },
    );
    expect(local).toMatchObject({
      exitCode: 4,
      stderr: expect.stringMatching(/^error: .*full\/trials\/.*: the disk is full; free some space$/),
    });
    const controller = new AbortController();
    const running = sweep({
      run: 'base',
      data: 'data',
      cwd,
      grid: {},
      seeds: [0],
      heldOut: 0.25,
      out: 'waiting',
      queue: { url: redis.url },
      signal: controller.signal,
    });
    const worker = await startWorker([], env);
    expect(worker.exitCode).toBe(4);
    expect(worker.stderr).toMatch(/: given back\nerror: .*: the disk is full; free some space$/);
    expect((await queueStatus({ url: redis.url })).sweeps).toMatchObject([
      { waiting: 1, running: 0, failed: 0 },
    ]);
    controller.abort();
    await running;
    await runCommand(cwd, sh`sweep cancel --queue ${redis.url}`);
  });

  test('passwords are in no file and in no key', async () => {
    const secured = await startRedis(sh`--requirepass hunter2`);
    onTestFinished(() => secured.stop());
    const url = `redis://:hunter2@127.0.0.1:${secured.port}`;
    const env = { TFJS_LORA_QUEUE: url };
    const worker = startWorker(sh`--idle-exit 10`, env, []);
    const { code, out, err } = await runCommand(cwd, sh`sweep ${small} --seeds 0 --out secured --json`, {
      env,
    });
    expect(code).toBe(0);
    const { stdout, stderr } = await worker;
    const files = await readdir(join(cwd, 'secured'), { recursive: true, withFileTypes: true });
    const texts = await Promise.all(
      files
        .filter((file) => file.isFile())
        .map((file) => readFile(join(file.parentPath, file.name), 'latin1')),
    );
    expect([out, err, stdout, stderr, ...texts].filter((text) => String(text).includes('hunter2'))).toEqual(
      [],
    );
  });
});

import { cp, readdir, readFile } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { execa, type ResultPromise } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readSweepReport } from '../../src/sweep/index.ts';
import { runCommand, sh, workplaceWithBase } from '../helpers/command.ts';
import { type RedisServer, redisClient, startRedis, withoutRedis } from '../helpers/redis.ts';

/** See `workplaceWithBase`. */
let cwd: string;
let redis: RedisServer;

const small = sh`base --digits 2,3 --steps 20 --held-out 0.25 --data data --quiet`;
const grid = sh`${small} --rank 1,2 --replay 0,0.5 --seeds 0-1`;

const workers = new Set<ResultPromise>();

/** Starts a worker in a process of its own. Its folder has the data under another path than that of the sweep. */
function startWorker(options: readonly string[] = []): ResultPromise {
  const argv = sh`worker --queue ${redis.url} --jobs 1 --data images --lost-after 2 ${options}`;
  const worker = execa('node', [resolve('bin/tfjs-lora.mjs'), ...argv], {
    cwd: join(cwd, 'elsewhere'),
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
        text.replace(/"(createdAt|elapsedMs|peakBytes)": [^,\n]+|^(?=.*Created).*$/gm, ''),
      ] as const;
    });
  return Object.fromEntries((await Promise.all(entries)).sort());
}

describe.skipIf(withoutRedis)('a sweep over a queue', () => {
  beforeAll(async () => {
    await execa('npm', ['run', 'build']);
    cwd = await workplaceWithBase();
    await cp(join(cwd, 'data'), join(cwd, 'elsewhere/images'), { recursive: true });
    redis = await startRedis();
  });
  afterAll(() => {
    for (const worker of workers) worker.kill('SIGKILL');
  });

  test('gives the same run folders as a local one, and leaves nothing in the queue', async () => {
    startWorker(sh`--idle-exit 60`);
    startWorker(sh`--idle-exit 60`);
    const { code, err } = await runCommand(cwd, sh`sweep ${grid} --queue ${redis.url} --out queued`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    await runCommand(cwd, sh`sweep ${grid} --out local`);
    const queued = await trialsOf('queued');
    expect(Object.keys(queued).length).toBeGreaterThan(8 * 8);
    expect(queued).toEqual(await trialsOf('local'));
    expect(await readSweepReport(join(cwd, 'queued/sweep.json'))).toMatchObject({ failures: [] });
    const keys = await redisClient(redis).keys('*');
    expect(keys.filter((key) => !/:workers?\b/.test(key))).toEqual([]);
  });
});

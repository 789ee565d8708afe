// What a queue costs: trials per minute on this machine and through a queue, and Redis' memory for trials that wait.
// Figures in docs/sweeps-on-several-machines.md. Needs redis-server.
//   node scripts/studies/queue.mjs [--trials N]   (0: memory only)
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Redis } from 'ioredis';
import { queueStatus, runWorker } from '../../dist/queue/index.js';
import { sweep } from '../../dist/sweep/index.js';
import { mustRun, useCommandEnvironment } from '../campaigns/command-line.mjs';
import { startRedis } from '../campaigns/queue/redis.mjs';
import { inTemporaryFolder } from '../campaigns/workplace.mjs';
import { table } from './lib.mjs';

const { values } = parseArgs({ options: { trials: { type: 'string', default: '40' } } });
const TRIALS = Number(values.trials);
const WAITING = 10_000;

useCommandEnvironment();
await inTemporaryFolder(async (folder) => {
  await mustRun(folder, 'pretrain --steps 600 --out base --quiet');
  const redis = await startRedis(folder);
  const queue = { url: `redis://127.0.0.1:${redis.port}` };
  const rows = [['trained', 'trials per minute', 'seconds per trial']];
  for (const jobs of TRIALS > 1 ? [1, 2] : []) {
    const local = await pace((observe) =>
      sweep({ ...options(folder), out: join(folder, `local-${jobs}`), jobs, onProgress: observe }),
    );
    const worker = new AbortController();
    const working = runWorker({ queue, jobs, signal: worker.signal });
    const queued = await pace((observe) =>
      sweep({ ...options(folder), out: join(folder, `queued-${jobs}`), queue, onProgress: observe }),
    );
    worker.abort();
    await working;
    for (const [name, seconds] of Object.entries({ 'on this machine': local, 'through a queue': queued })) {
      rows.push([`${name}, ${jobs} jobs`, (60 / seconds).toFixed(1), seconds.toFixed(2)]);
    }
  }
  console.log(table(rows));
  console.log(await memory(folder, queue, redis.port));
  redis.stop();
});

/** @param {string} folder */
function options(folder) {
  return /** @type {const} */ ({
    run: join(folder, 'base'),
    targetLabels: [2, 3, 5, 8, 9],
    grid: { rank: [4] },
    seeds: Array.from({ length: TRIALS }, (_, seed) => seed),
    heldOut: 0.1,
    device: 'cpu',
  });
}

/**
 * Seconds per trial, from the end of the first trial to that of the last. Starting is left out.
 *
 * @param {(observe: (progress: { done: number }) => void) => Promise<unknown>} run
 */
async function pace(run) {
  let firstMs = 0;
  let first = 0;
  let lastMs = 0;
  let last = 0;
  await run(({ done }) => {
    if (done === last) return;
    last = done;
    lastMs = performance.now();
    if (first === 0) [first, firstMs] = [last, lastMs];
  });
  return (lastMs - firstMs) / 1000 / (last - first);
}

/**
 * Redis' memory with many waiting trials.
 *
 * @param {string} folder
 * @param {{ url: string }} queue
 * @param {number} port
 */
async function memory(folder, queue, port) {
  const client = new Redis({ port });
  const used = async () => Number(/used_memory:(\d+)/.exec(await client.info('memory'))?.[1]);
  const before = await used();
  const controller = new AbortController();
  const startedMs = performance.now();
  let addedMs = 0;
  await sweep({
    ...options(folder),
    grid: { learningRate: Array.from({ length: WAITING / 5 }, (_, index) => (index + 1) / 1e6) },
    seeds: [0, 1, 2, 3, 4],
    out: join(folder, 'waiting'),
    queue,
    signal: controller.signal,
    onProgress: () => {
      addedMs ||= performance.now() - startedMs;
      controller.abort();
    },
  });
  const [waiting] = (await queueStatus(queue)).sweeps;
  const bytes = (await used()) - before;
  client.disconnect();
  const each = (bytes / WAITING / 1024).toFixed(1);
  return `${waiting?.waiting} waiting trials: ${(bytes / 2 ** 20).toFixed(1)} MB in Redis, ${each} KB each; added in ${(addedMs / 1000).toFixed(0)} s`;
}

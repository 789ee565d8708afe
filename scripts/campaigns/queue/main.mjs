// Kills workers of a sweep over a queue and restarts Redis, and compares the results with a local sweep: npm run test:queue.

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../../../dist/random.js';
import { countOption, runCampaign } from '../campaign.mjs';
import { mustRun, useCommandEnvironment } from '../command-line.mjs';
import { inTemporaryFolder, writeSmallSet } from '../workplace.mjs';
import { startProgram } from './programs.mjs';
import { startRedis } from './redis.mjs';
import { trialFiles } from './trial-files.mjs';

const usage = `Usage: npm run test:queue -- [--trials N] [--workers N] [--kill-every TRIALS] [--steps N] [--seed N]

--trials N            trials of the sweep, a multiple of 5 up to 1000 (default: 200)
--workers N           worker processes (default: 3)
--kill-every TRIALS   mean number of trials between two kills (default: 2)
--steps N             steps of a trial (default: 20)
--seed N              seed of the kills (default: 0)

Needs redis-server, or its path in REDIS_SERVER.
`;

const SEEDS = 5;

await runCampaign(usage, async () => {
  const { values } = parseArgs({
    options: {
      trials: { type: 'string' },
      workers: { type: 'string' },
      'kill-every': { type: 'string' },
      steps: { type: 'string' },
      seed: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const options = {
    trials: countOption('trials', values.trials, 200),
    workers: countOption('workers', values.workers, 3),
    killEvery: countOption('kill-every', values['kill-every'], 2),
    steps: countOption('steps', values.steps, 20),
    seed: countOption('seed', values.seed, 0),
  };
  useCommandEnvironment();
  return await inTemporaryFolder(async (folder) => {
    await writeSmallSet(join(folder, 'data'));
    await mustRun(folder, 'pretrain --steps 8 --head linear --data data --out base --quiet');
    return await attack(folder, options);
  });
});

/**
 * @typedef {object} Options
 * @property {number} trials
 * @property {number} workers
 * @property {number} killEvery trials
 * @property {number} steps
 * @property {number} seed
 */

/**
 * @param {string} folder
 * @param {Options} options
 */
async function attack(folder, options) {
  const { trials, steps } = options;
  const rates = Array.from({ length: trials / SEEDS }, (_, index) => (index + 1) / 1e4).join(',');
  const sweep = `sweep base --data data --digits 2,3 --held-out 0.25 --steps ${steps} --rank 2 --lr ${rates} --seeds 0-${SEEDS - 1}`;
  const redis = await startRedis(folder);
  const queue = `--queue redis://127.0.0.1:${redis.port}`;
  const startWorker = () =>
    startProgram(folder, `worker ${queue} --data data --jobs 1 --lost-after 4`.split(' '), attackWhenDue);
  const workers = Array.from({ length: options.workers }, startWorker);
  /** @type {import('./programs.mjs').Program[]} */
  const ended = [];
  const running = startProgram(folder, `${sweep} ${queue} --out queued --quiet`.split(' '));
  const random = createRandom(options.seed, 0);
  const trialsToNextKill = () => Math.max(1, Math.round((0.5 + random.uniform()) * options.killEvery));
  let nextKill = trialsToNextKill();
  /** @type {Promise<void> | undefined} */
  let restart;

  /**
   * Kills a worker that has delivered a trial, while it trains the next one, and restarts Redis after half of the trials.
   *
   * @param {import('./programs.mjs').Program} worker
   */
  function attackWhenDue(worker) {
    const done = [...workers, ...ended].flatMap(doneOf).length;
    if (running.hasEnded() || ended.includes(worker)) return;
    if (done >= trials / 2) restart ??= redis.restart();
    if (done < nextKill || doneOf(worker).length === 0) return;
    nextKill = done + trialsToNextKill();
    worker.kill();
    ended.push(worker);
    workers[workers.indexOf(worker)] = startWorker();
  }

  const { code, output } = await running.ended;
  await restart;
  const kills = ended.length;
  const restarts = restart ? 1 : 0;
  if (code !== 0) console.error(`FAULT the sweep ended with exit code ${code}: ${output}`);
  for (const worker of workers) worker.kill();
  redis.stop();
  await mustRun(folder, `${sweep} --out local --quiet`);
  const faults = await compare(folder, [...ended, ...workers], trials);
  for (const fault of faults) console.error(`FAULT ${fault}`);
  const survived = trials - faults.length;
  const title = `${kills} workers killed, Redis restarted ${restarts} time${restarts === 1 ? '' : 's'}`;
  return [
    {
      guarantee: 'every trial of a sweep over a queue once, bit for bit as a local one',
      attack: title,
      tried: trials,
      survived: code === 0 ? Math.max(0, survived) : 0,
    },
  ];
}

/**
 * What differs from a local sweep, one line for each trial.
 *
 * @param {string} folder
 * @param {readonly import('./programs.mjs').Program[]} workers
 * @param {number} trials
 */
async function compare(folder, workers, trials) {
  const queued = await trialFiles(join(folder, 'queued/trials'));
  const local = await trialFiles(join(folder, 'local/trials'));
  const faults = [];
  if (local.size !== trials) faults.push(`the local sweep has ${local.size} trials`);
  for (const name of new Set([...local.keys(), ...queued.keys()])) {
    if (!queued.has(name)) faults.push(`${name}: lost`);
    else if (!local.has(name)) faults.push(`${name}: not a trial of the sweep`);
    else if (queued.get(name) !== local.get(name)) faults.push(`${name}: has other content`);
  }
  const done = workers.flatMap(doneOf);
  for (const name of new Set(done)) {
    const count = done.filter((other) => other === name).length;
    if (count > 1) faults.push(`${name}: was delivered ${count} times`);
  }
  return faults;
}

/** @param {import('./programs.mjs').Program} worker names of the trials that it delivered */
function doneOf(worker) {
  return [...worker.output().matchAll(/trial ([0-9a-f]{16}): done/g)].map((match) => match[1]);
}

// Kills commands before each of their file operations and at random moments, and checks what is left: npm run test:crash.

import { mkdir } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../../../dist/random.js';
import { countOption, runCampaign } from '../campaign.mjs';
import { useCommandEnvironment } from '../command-line.mjs';
import { inTemporaryFolder } from '../workplace.mjs';
import { Attack } from './attack.mjs';
import { SCENARIOS, writeInputs } from './scenarios.mjs';

const usage = `Usage: npm run test:crash -- [--n N] [--random N] [--seed N] [--only TEXT]... [--jobs N]

--n N        kill before N file operations of each command, evenly spaced (default: before every one)
--random N   and at N random moments of each command (default: 10)
--seed N     seed of the random moments (default: 0)
--only TEXT  commands whose name contains this text only; repeatable
--jobs N     processes at the same time (default: the number of cores)

Commands: ${SCENARIOS.map(({ name }) => name).join(', ')}
`;

await runCampaign(usage, async () => {
  const { values } = parseArgs({
    options: {
      n: { type: 'string' },
      random: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      jobs: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const options = {
    n: countOption('n', values.n, Number.POSITIVE_INFINITY),
    random: countOption('random', values.random, 10),
    seed: countOption('seed', values.seed, 0),
    jobs: countOption('jobs', values.jobs, availableParallelism()),
  };
  const scenarios = SCENARIOS.filter(
    ({ name }) => values.only.length === 0 || values.only.some((text) => name.includes(text)),
  );
  useCommandEnvironment();
  return await inTemporaryFolder(async (folder) => {
    const inputs = join(folder, 'inputs');
    await mkdir(inputs);
    await writeInputs(inputs);
    const rows = [];
    for (const scenario of scenarios) {
      rows.push(...(await attackScenario(new Attack(scenario, inputs, folder), scenario, options)));
    }
    return rows;
  });
});

/**
 * @param {Attack} attack
 * @param {import('./scenarios.mjs').Scenario} scenario
 * @param {{ n: number, random: number, seed: number, jobs: number }} options
 */
async function attackScenario(attack, { name, guarantee }, { n, random, seed, jobs }) {
  const reference = await attack.uninterrupted();
  const { operations, elapsedMs } = reference;
  const count = Math.min(n, operations.length);
  const before = Array.from({ length: count }, (_, index) => ({
    operation: 1 + Math.floor(((index + 0.5) * operations.length) / count),
  }));
  const stream = createRandom(
    seed,
    SCENARIOS.findIndex((scenario) => scenario.name === name),
  );
  const moments = Array.from({ length: random }, () => ({ afterMs: stream.uniform() * elapsedMs }));
  const rows = [];
  /** @type {[string, import('./attack.mjs').Moment[]][]} */
  const attacks = [
    [`kill -9 before file operations (${count} of ${operations.length})`, before],
    ['kill -9 at random moments', moments],
  ];
  for (const [title, list] of attacks) {
    const outcomes = await inParallel(list, jobs, async (moment) => {
      const { killed, faults } = await attack.kill(moment, reference);
      const operation = 'operation' in moment ? operations[moment.operation - 1] : undefined;
      const when = operation ? `${JSON.stringify(moment)} ${operation}` : JSON.stringify(moment);
      for (const fault of faults) console.error(`FAULT ${name}: ${when}: ${fault}`);
      return { killed, survived: faults.length === 0 };
    });
    const tried = outcomes.filter(({ killed }) => killed);
    const survived = tried.filter((outcome) => outcome.survived).length;
    if (tried.length > 0)
      rows.push({ guarantee: `${name}: ${guarantee}`, attack: title, tried: tried.length, survived });
  }
  return rows;
}

/**
 * @template Item, Result
 * @param {readonly Item[]} items
 * @param {number} jobs
 * @param {(item: Item) => Promise<Result>} work
 */
async function inParallel(items, jobs, work) {
  const waiting = [...items];
  /** @type {Result[]} */
  const results = [];
  const worker = async () => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift())
      results.push(await work(item));
  };
  await Promise.all(Array.from({ length: Math.max(1, jobs) }, worker));
  return results;
}

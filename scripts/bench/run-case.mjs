import { availableParallelism } from 'node:os';
import { startContender } from './processes.mjs';
import { median, summary } from './statistics.mjs';

/**
 * @typedef {object} ContenderResult
 * @property {string} name
 * @property {string} framework
 * @property {string} note
 * @property {readonly number[]} seconds per unit, by round
 * @property {number} medianSeconds
 * @property {number} peakBytes
 */

/**
 * The fastest contender of tfjs-lora against the fastest of another framework.
 *
 * @typedef {object} Comparison
 * @property {string} framework
 * @property {string} product
 * @property {string} against
 * @property {readonly number[]} ratios of their speeds, by round; above 1 tfjs-lora is faster
 * @property {{ median: number, min: number, max: number }} ratio
 * @property {number} [goal]
 */

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {string} title
 * @property {string} unit
 * @property {readonly ContenderResult[]} contenders
 * @property {readonly Comparison[]} comparisons
 * @property {number} [limitSeconds]
 * @property {number} [operations] floating-point operations per unit
 */

/** @typedef {import('./cases.mjs').Case} Case */
/** @typedef {import('./cases.mjs').Contender} Contender */
/** @typedef {import('./processes.mjs').RunningContender} RunningContender */
/** @typedef {import('./processes.mjs').Setting} Setting */

/**
 * Runs a case. Every contender takes one turn in each round; every second round runs in reverse order.
 *
 * @param {Case} benchCase
 * @param {number} rounds
 * @param {Setting} setting
 * @returns {Promise<Result>}
 */
export async function runCase(benchCase, rounds, setting) {
  const { name, title, unit, limitSeconds, goals, operations } = benchCase;
  /** @type {(RunningContender & { contender: Contender, rounds: import('./processes.mjs').Round[] })[]} */
  const running = [];
  try {
    for await (const [contender, started] of startAll(benchCase, setting)) {
      running.push({ ...started, contender, rounds: [] });
    }
    for (let round = 0; round < rounds; round++) {
      for (const entry of round % 2 === 0 ? running : running.toReversed()) {
        entry.rounds.push(await entry.round());
      }
    }
  } finally {
    await Promise.allSettled(running.map((entry) => entry.close()));
  }
  const contenders = running.map(({ contender, rounds }) => {
    const seconds = rounds.map((round) => round.seconds);
    return {
      name: contender.name,
      framework: contender.framework,
      note: rounds.at(-1)?.note ?? '',
      seconds,
      medianSeconds: median(seconds),
      peakBytes: Math.max(...rounds.map((round) => round.peakBytes)),
    };
  });
  return {
    name,
    title,
    unit,
    contenders,
    comparisons: comparisons(contenders, goals),
    limitSeconds,
    operations,
  };
}

/**
 * Starts the contenders of a case, in their order. They warm up in parallel, as many as there are cores. On a GPU compilers
 * time kernels while they warm up, so there contenders warm up one at a time.
 *
 * If a contender fails, those that started with it are still returned, so that they can be closed.
 *
 * @param {Case} benchCase
 * @param {Setting} setting
 * @returns {AsyncGenerator<[Contender, RunningContender]>}
 */
async function* startAll(benchCase, setting) {
  const atOnce = benchCase.work.device === 'cuda' ? 1 : availableParallelism();
  for (let first = 0; first < benchCase.contenders.length; first += atOnce) {
    const group = benchCase.contenders.slice(first, first + atOnce);
    const outcomes = await Promise.allSettled(
      group.map((contender) => startContender(benchCase, contender, setting)),
    );
    for (const [index, outcome] of outcomes.entries()) {
      const contender = group[index];
      if (outcome.status === 'fulfilled' && contender) yield [contender, outcome.value];
    }
    const failed = outcomes.find(({ status }) => status === 'rejected');
    if (failed?.status === 'rejected') throw failed.reason;
  }
}

/**
 * Compares the fastest contender of the first framework, tfjs-lora, with the fastest of each other framework.
 *
 * @param {readonly ContenderResult[]} contenders
 * @param {Readonly<Record<string, number>>} [goals]
 * @returns {Comparison[]}
 */
export function comparisons(contenders, goals = {}) {
  const [product = '', ...frameworks] = new Set(contenders.map(({ framework }) => framework));
  const fastest = (/** @type {string} */ framework) =>
    contenders
      .filter((contender) => contender.framework === framework)
      .reduce((a, b) => (b.medianSeconds < a.medianSeconds ? b : a));
  return frameworks.map((framework) => {
    const fastestProduct = fastest(product);
    const against = fastest(framework);
    const ratios = fastestProduct.seconds.map(
      (seconds, round) => (against.seconds[round] ?? Number.NaN) / seconds,
    );
    return {
      framework,
      product: fastestProduct.name,
      against: against.name,
      ratios,
      ratio: summary(ratios),
      goal: goals[framework],
    };
  });
}

import { availableParallelism } from 'node:os';
import { enter } from './programs.mjs';
import { median, summary } from './statistics.mjs';

/**
 * @typedef {object} Standing
 * @property {string} name
 * @property {string} team
 * @property {string} note
 * @property {readonly number[]} seconds for one unit, round by round
 * @property {number} medianSeconds
 * @property {number} peakBytes
 */

/**
 * @typedef {object} Comparison of the product's fastest with the fastest of a team
 * @property {string} team
 * @property {string} product
 * @property {string} against
 * @property {readonly number[]} ratios of their speeds, round by round; above 1 the product is faster
 * @property {{ median: number, least: number, most: number }} ratio
 * @property {number} [goal]
 */

/**
 * @typedef {object} Result
 * @property {string} name
 * @property {string} title
 * @property {string} unit
 * @property {readonly Standing[]} standings
 * @property {readonly Comparison[]} comparisons
 * @property {number} [limitSeconds]
 * @property {number} [operations] of one unit
 */

/**
 * Runs a case: in each round every contender has its turn, in the opposite order in every second round.
 *
 * @param {import('./cases.mjs').Case} kase
 * @param {number} rounds
 * @param {import('./programs.mjs').Setting} setting
 * @returns {Promise<Result>}
 */
export async function compete(kase, rounds, setting) {
  const { name, title, unit, limitSeconds, goals, operations } = kase;
  /** @type {(import('./cases.mjs').Contender & import('./programs.mjs').Entrant & { played: import('./programs.mjs').Round[] })[]} */
  const entrants = [];
  try {
    // They warm up side by side, as many as there are cores; rounds are one at a time. On a GPU compilers try kernels
    // out, so there each warms up alone.
    const atOnce = kase.work.device === 'cuda' ? 1 : availableParallelism();
    for (let first = 0; first < kase.contenders.length; first += atOnce) {
      const group = kase.contenders.slice(first, first + atOnce);
      const started = await Promise.allSettled(group.map((one) => enter(kase, one, setting)));
      for (const [index, outcome] of started.entries()) {
        const contender = group[index];
        if (outcome.status === 'fulfilled' && contender) {
          entrants.push({ ...contender, ...outcome.value, played: [] });
        }
      }
      const failed = started.find(({ status }) => status === 'rejected');
      if (failed?.status === 'rejected') throw failed.reason;
    }
    for (let round = 0; round < rounds; round++) {
      for (const entrant of round % 2 === 0 ? entrants : entrants.toReversed()) {
        entrant.played.push(await entrant.round());
      }
    }
  } finally {
    await Promise.allSettled(entrants.map((entrant) => entrant.close()));
  }
  const standings = entrants.map((entrant) => {
    const seconds = entrant.played.map((round) => round.seconds);
    return {
      name: entrant.name,
      team: entrant.team,
      note: entrant.played.at(-1)?.note ?? '',
      seconds,
      medianSeconds: median(seconds),
      peakBytes: Math.max(...entrant.played.map((round) => round.peakBytes)),
    };
  });
  return {
    name,
    title,
    unit,
    standings,
    comparisons: comparisons(standings, goals),
    limitSeconds,
    operations,
  };
}

/**
 * @param {readonly Standing[]} standings
 * @param {Readonly<Record<string, number>>} [goals]
 * @returns {Comparison[]}
 */
export function comparisons(standings, goals = {}) {
  const teams = [...new Set(standings.map(({ team }) => team))];
  const best = (/** @type {string} */ team) =>
    standings
      .filter((one) => one.team === team)
      .reduce((a, b) => (b.medianSeconds < a.medianSeconds ? b : a));
  return teams.slice(1).map((team) => {
    const [product, anchor] = [best(teams[0] ?? ''), best(team)];
    const ratios = product.seconds.map((seconds, round) => (anchor.seconds[round] ?? Number.NaN) / seconds);
    return {
      ...{ team, product: product.name, against: anchor.name, ratios },
      ...{ ratio: summary(ratios), goal: goals[team] },
    };
  });
}

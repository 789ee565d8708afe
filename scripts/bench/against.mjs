import { repeated } from '../../dist/metrics/index.js';
import { plainTable, tableText } from '../../dist/text/index.js';

/**
 * The speed of a contender of this checkout relative to the same contender of another commit.
 *
 * @typedef {object} Change
 * @property {string} title of the case
 * @property {string} name of the contender
 * @property {number} ratio geometric mean over the rounds; above 1 this checkout is faster
 * @property {readonly [number, number]} interval 95 % confidence interval of `ratio`
 * @property {'faster' | 'slower' | 'within noise'} verdict
 */

/**
 * A case with only tfjs-lora's contenders, each from both checkouts, and one of another framework on Node as a reference.
 *
 * @param {import('./cases.mjs').Case} benchCase
 * @param {{ id: string, folder: string }} other
 * @returns {import('./cases.mjs').Case}
 */
export function caseAgainst(benchCase, { id, folder }) {
  const ours = benchCase.contenders.filter(({ framework }) => framework === 'tfjs-lora');
  const theirs = ours.map((contender) => ({
    ...contender,
    name: nameOf(contender.name, id),
    framework: id,
    folder,
  }));
  const reference = benchCase.contenders.filter(
    ({ program, framework }) => program === 'node' && framework !== 'tfjs-lora',
  );
  return { ...benchCase, contenders: [...ours, ...theirs, ...reference.slice(0, 1)], goals: {} };
}

/**
 * @param {import('./run-case.mjs').Result} result of a case of `caseAgainst`
 * @param {string} id
 * @returns {Change[]}
 */
export function changesAgainst({ title, contenders }, id) {
  return contenders.flatMap((contender) => {
    const other = contenders.find(({ name }) => name === nameOf(contender.name, id));
    if (!other) return [];
    const ratios = contender.seconds.map((seconds, round) => (other.seconds[round] ?? Number.NaN) / seconds);
    return [{ title, name: contender.name, ...changeOf(ratios) }];
  });
}

/** Two processes of the same program differ by up to this much, because their memory lies elsewhere. */
const PROCESS_NOISE = 0.05;

/**
 * Whether speeds of paired rounds differ by more than their noise: Student's t interval of the logarithms of their ratios,
 * and the noise between processes.
 *
 * @param {readonly number[]} ratios by round
 * @returns {Pick<Change, 'ratio' | 'interval' | 'verdict'>}
 */
export function changeOf(ratios) {
  const { mean, interval } = repeated(ratios.map(Math.log));
  const [low = 0, high = Infinity] = interval?.map(Math.exp) ?? [];
  const ratio = Math.exp(mean);
  const isSlower = high < 1 && ratio < 1 - PROCESS_NOISE;
  const isFaster = low > 1 && ratio > 1 + PROCESS_NOISE;
  return {
    ratio,
    interval: [low, high],
    verdict: isSlower ? 'slower' : isFaster ? 'faster' : 'within noise',
  };
}

/** @param {readonly Change[]} changes @param {string} id */
export function changeTable(changes, id) {
  const table = plainTable(['left', 'left', 'right', 'right', 'left']);
  table.push(['', '', `speed relative to ${id}`, '95 % interval', '']);
  for (const { title, name, ratio, interval, verdict } of changes)
    table.push([
      title,
      name,
      ratio.toFixed(3),
      interval.map((bound) => bound.toFixed(3)).join(' - '),
      verdict,
    ]);
  return tableText(table);
}

/** @param {string} name @param {string} id */
function nameOf(name, id) {
  return `${name}, ${id}`;
}

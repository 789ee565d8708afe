// What the campaigns have in common: options, the table of results, and the exit code.
import { plainTable, tableText } from '../../dist/text/index.js';

/**
 * @typedef {object} Row
 * @property {string} promise
 * @property {string} attack
 * @property {number} tried
 * @property {number} survived
 */

/**
 * Runs a campaign and prints its rows. Exits with 1 if something did not survive, and with 2 for an invalid option.
 *
 * @param {string} usage
 * @param {() => Promise<Row[] | undefined>} campaign returns undefined to print the usage
 */
export async function runCampaign(usage, campaign) {
  const started = performance.now();
  try {
    const rows = await campaign();
    if (!rows) {
      process.stdout.write(usage);
      return;
    }
    const table = plainTable(['left', 'left', 'right', 'right']);
    table.push(['promise', 'attack', 'tried', 'survived']);
    for (const { promise, attack, tried, survived } of rows) {
      table.push([promise, attack, String(tried), String(survived)]);
    }
    const sum = (/** @type {'tried' | 'survived'} */ key) => rows.reduce((total, row) => total + row[key], 0);
    table.push(['in all', '', String(sum('tried')), String(sum('survived'))]);
    console.log(tableText(table));
    console.log(`\n${((performance.now() - started) / 1000).toFixed(0)} s`);
    process.exitCode = sum('survived') === sum('tried') && sum('tried') > 0 ? 0 : 1;
  } catch (error) {
    const { message, code } = /** @type {Error & { code?: string }} */ (error);
    const isUserError = error instanceof RangeError || code?.startsWith('ERR_PARSE_ARGS');
    console.error(isUserError ? `error: ${message}` : error);
    process.exitCode = isUserError ? 2 : 1;
  }
}

/**
 * @param {string} name
 * @param {string | undefined} text
 * @param {number} initial
 */
export function countOption(name, text, initial) {
  if (text === undefined) return initial;
  if (/^\d+$/.test(text)) return Number(text);
  throw new RangeError(`--${name} ${text}: must be a whole number of at least 0`);
}

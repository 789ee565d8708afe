// What the campaigns have in common: options, the table of results, and the exit code.

/**
 * @typedef {object} Row
 * @property {string} guarantee
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
    console.log(markdownTable(rows));
    console.log(`\n${((performance.now() - started) / 1000).toFixed(0)} s`);
    const { tried, survived } = total(rows);
    process.exitCode = survived === tried && tried > 0 ? 0 : 1;
  } catch (error) {
    const { message, code } = /** @type {Error & { code?: string }} */ (error);
    const isUserError = error instanceof RangeError || code?.startsWith('ERR_PARSE_ARGS');
    console.error(isUserError ? `error: ${message}` : error);
    process.exitCode = isUserError ? 2 : 1;
  }
}

/**
 * The rows and their sum, for the terminal and for docs/reliability.md.
 *
 * @param {readonly Row[]} rows
 */
function markdownTable(rows) {
  const cells = [
    ['guarantee', 'attack', 'tried', 'survived'],
    ...[...rows, total(rows)].map(({ guarantee, attack, tried, survived }) => [
      guarantee,
      attack,
      `${tried}`,
      `${survived}`,
    ]),
  ];
  const widths = [0, 1, 2, 3].map((column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) => {
    const padded = row.map((cell, column) => {
      return column < 2 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
    });
    return `| ${padded.join(' | ')} |`;
  });
  const rule = widths.map((width, column) => (column < 2 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [lines[0], `| ${rule.join(' | ')} |`, ...lines.slice(1)].join('\n');
}

/**
 * @param {readonly Row[]} rows
 * @returns {Row}
 */
function total(rows) {
  const sum = (/** @type {'tried' | 'survived'} */ key) => rows.reduce((all, row) => all + row[key], 0);
  return { guarantee: 'all', attack: '', tried: sum('tried'), survived: sum('survived') };
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

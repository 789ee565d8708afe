import { readFileSync, writeFileSync } from 'node:fs';
import { plainTable, tableText } from '../../dist/text/index.js';
import { cases } from './cases.mjs';

const FILE = new URL('expected-ratios.json', import.meta.url);

/** The part of the expected ratio that a case must reach. */
const LIMIT = 0.75;

/** @type {Readonly<Record<string, string>>} cases of the check, with the framework that tfjs-lora is compared with */
const REFERENCES = { pretrain: 'minimize', lora: 'minimize', cnn: 'trainOnBatch', evaluation: 'predict' };

/** The cases of the check, with tfjs-lora on one thread, which other programs disturb less, and one contender of plain tfjs. */
export const regressionCases = cases
  .filter(({ name }) => name in REFERENCES)
  .map((benchCase) => ({
    ...benchCase,
    contenders: benchCase.contenders.filter(
      ({ name, framework, work }) =>
        framework === REFERENCES[benchCase.name] ||
        (framework === 'tfjs-lora' && work.threads === 1 && !name.includes('graph')),
    ),
  }));

/**
 * Compares measured ratios to plain tfjs with those in expected-ratios.json. The best round counts, so that a
 * short disturbance is no failure.
 *
 * @param {readonly import('./run-case.mjs').Result[]} results
 * @param {Readonly<Record<string, number>>} [expected] by name of a case
 * @returns {{ text: string, failed: string[] }} a table, and the names of the cases that are too slow
 */
export function checkRatios(results, expected = JSON.parse(readFileSync(FILE, 'utf8'))) {
  const table = plainTable(['left', 'right', 'right', 'right', 'left']);
  table.push(['', 'times as fast as tfjs', 'expected', 'at least', '']);
  const failed = [];
  for (const { name, title, comparisons } of results) {
    const measured = comparisons[0]?.ratio.max ?? Number.NaN;
    const usual = expected[name] ?? Number.NaN;
    const isFast = measured >= LIMIT * usual;
    if (!isFast) failed.push(name);
    const cells = [measured, usual, LIMIT * usual].map((ratio) => ratio.toFixed(1));
    table.push([title, ...cells, isFast ? '' : 'too slow']);
  }
  return { text: tableText(table), failed };
}

/** Writes the median ratios of results as those that later checks expect. @param {readonly import('./run-case.mjs').Result[]} results */
export function writeExpectedRatios(results) {
  const ratios = results.map(({ name, comparisons }) => [
    name,
    Math.round((comparisons[0]?.ratio.median ?? Number.NaN) * 10) / 10,
  ]);
  writeFileSync(FILE, `${JSON.stringify(Object.fromEntries(ratios), undefined, 2)}\n`);
}

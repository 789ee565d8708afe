import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { renderMarkdown } from '../../src/report/markdown.ts';
import type { Report } from '../../src/report/report.ts';
import { resultsOf } from '../../src/report/results.ts';
import { renderText } from '../../src/report/text.ts';
import { formatPoints } from '../../src/text/index.ts';
import { makeEvaluation } from '../metrics/make-evaluation.ts';
import { comparisonReport, singleReport, worded } from './make-report.ts';

const reports: [string, Report][] = [
  ['a single evaluation', singleReport(10_000)],
  ['a comparison', comparisonReport(10_000)],
  ['long class names', worded(comparisonReport(10_000))],
];

describe('renderText', () => {
  test.each(reports)('keeps %s within 80 columns; paths stay whole', (_, report) => {
    const lines = renderText(report)
      .replace(/\S*a-folder\S*/g, 'path')
      .split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  test.each(reports)('says the same of %s with and without colours', (_, report) => {
    const colored = renderText(report, { color: true });
    expect(colored).toContain('\u001b[');
    // Cells of no width under colours keep their padding, so trailing spaces don't count.
    expect(stripVTControlCharacters(colored).replace(/ +$/gm, '')).toBe(renderText(report));
  });

  test('shows wrong counts and accuracy of a digit before, after and their change', () => {
    const report = comparisonReport(10_000);
    const { before, after, fixed, broken } = resultsOf(report).comparison!.classes[8]!;
    const line = renderText(report)
      .split('\n')
      .find((text) => text.startsWith('8 target'))!;
    const percent = (accuracy: number | null) => (accuracy! * 100).toFixed(2);
    expect(line.split(/ +/)).toEqual([
      '8',
      'target',
      String(before.errors),
      String(after.errors),
      String(after.errors - before.errors),
      String(fixed),
      String(broken),
      percent(before.accuracy),
      percent(after.accuracy),
      `+${((after.accuracy! - before.accuracy!) * 100).toFixed(2)}`,
      '<0.001',
      '*',
    ]);
  });

  test('colours what got better green and what got worse red, beyond noise alone', () => {
    const text = renderText(comparisonReport(10_000), { color: true });
    const { classes } = resultsOf(comparisonReport(10_000)).comparison!;
    const { green, red } = picocolors.createColors(true);
    expect(text).toContain(green(formatPoints(classes[8]!.gain)));
    expect(text).toContain(red(formatPoints(classes[4]!.gain)));
    expect(text).not.toContain(red(formatPoints(classes[1]!.gain)));
  });

  test('ends with target, other and total', () => {
    const rows = renderText(comparisonReport()).match(/^(target|other|total) /gm);
    expect(rows).toEqual(['target ', 'other ', 'total ']);
    const withoutTargets = renderText({ ...comparisonReport(), targetLabels: [] });
    expect(withoutTargets.match(/^(target|other|total) /gm)).toEqual(['total ']);
  });

  test('marks target classes with a sign where their names are long', () => {
    const text = renderText(worded(comparisonReport(10_000)));
    expect(text).toMatch(/^T-shir… \+ +\d/m);
    expect(text).toMatch(/^\+ target$/m);
    expect(text).toMatch(/^pullov… +\d/m);
  });

  test('names the digits that got worse beyond noise', () => {
    expect(renderText(comparisonReport(10_000))).toContain('worse beyond noise: 4');
  });

  test('a class without examples reads n/a; classes that are no digits are called classes', () => {
    const evaluation = {
      ...makeEvaluation([0, 0], [0, 1], { classes: 3 }),
      classNames: ['cat', 'dog', 'horse'],
    };
    const text = renderText({ ...singleReport(), evaluation: { ...evaluation, name: 'base' } });
    expect(text).toMatch(/^class +examples/m);
    expect(text).toMatch(/^horse +0 +0 +n\/a +n\/a +n\/a +n\/a$/m);
  });

  test('reports the step and the strength that the guard and the strength search kept', () => {
    const text = renderText(comparisonReport()).replaceAll('\n  ', ' ');
    expect(text).toContain(
      'guard (at most 1 points lost on 6,000 validation examples): 5 checks, kept step 150: ' +
        'target digits +3.75 points, worst other digit -0.83',
    );
    expect(text).toContain(
      'strength search (at most 1 points lost on 6,000 validation examples): kept strength 0.75: ' +
        'target digits +3.75 points, worst other digit -0.68',
    );
  });

  test('reports where the guard ended training; without target digits it watches all', () => {
    const checks = [
      { step: 0, gain: 0, drop: 0 },
      { step: 20, gain: 0.01, drop: 0.5 },
    ];
    const guard = { examples: 100, maxDrop: 0.005, training: { checks, keptStep: 0, endedAtStep: 20 } };
    const text = renderText({ ...comparisonReport(), guard, targetLabels: [] }).replaceAll('\n  ', ' ');
    expect(text).toContain(
      'guard (at most 0.5 points lost on 100 validation examples): 2 checks, training ended at step 20, ' +
        'kept step 0: all digits 0.00 points, worst digit 0.00',
    );
  });

  test('tells which gates were met', () => {
    const text = renderText(comparisonReport(10_000));
    expect(text).toMatch(/^met {6}min-accuracy 0.8: accuracy is 0\.\d+$/m);
    expect(text).toMatch(/^NOT MET {2}max-digit-drop 1: 4 drops \d\.\d\d points/m);
  });
});

describe('renderMarkdown', () => {
  test.each(reports)('gives every row of a table of %s as many cells as its header', (_, report) => {
    const tables = renderMarkdown(report)
      .split('\n\n')
      .filter((part) => part.startsWith('|'));
    expect(tables.length).toBeGreaterThan(1);
    for (const table of tables) {
      const cells = table
        .trim()
        .split('\n')
        .map((row) => row.split(/(?<!\\)\|/).length);
      expect(new Set(cells).size).toBe(1);
    }
  });

  test('keeps names from acting as Markdown or HTML', () => {
    const report = singleReport();
    const text = renderMarkdown({ ...report, run: { ...report.run, folder: 'a|b<i>*_' } });
    expect(text).toContain('a\\|b\\<i\\>\\*\\_');
  });
});

import { stripVTControlCharacters } from 'node:util';
import picocolors from 'picocolors';
import { describe, expect, test } from 'vitest';
import { type Report, renderReport, resultsOf } from '../../src/report/index.ts';
import { formatPoints } from '../../src/text/index.ts';
import { makeEvaluation } from '../metrics/make-evaluation.ts';
import { comparisonReport, singleReport, withLongClassNames } from './make-report.ts';

const reports: [string, Report][] = [
  ['a single evaluation', singleReport(10_000)],
  ['a comparison', comparisonReport(10_000)],
  ['long class names', withLongClassNames(comparisonReport(10_000))],
];

const renderText = (report: Report, color = false) => renderReport(report, 'text', { color });

describe('a report as text', () => {
  test.each(reports)('fits %s into 80 columns, except for paths, which are not broken', async (_, report) => {
    const lines = (await renderText(report)).replace(/\S*a-folder\S*/g, 'path').split('\n');
    for (const line of lines) expect(line.length).toBeLessThanOrEqual(80);
  });

  test.each(reports)('is the same for %s with and without colours', async (_, report) => {
    const colored = await renderText(report, true);
    expect(colored).toContain('\u001b[');
    // Empty cells keep their padding if they are coloured, so trailing spaces are ignored.
    expect(stripVTControlCharacters(colored).replace(/ +$/gm, '')).toBe(await renderText(report));
  });

  test('has errors and accuracy of a digit before and after, and their change', async () => {
    const report = comparisonReport(10_000);
    const { before, after, fixed, broken } = resultsOf(report).comparison!.classes[8]!;
    const line = (await renderText(report)).split('\n').find((text) => text.startsWith('8 target'))!;
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

  test('colours significant gains green and significant losses red', async () => {
    const text = await renderText(comparisonReport(10_000), true);
    const { classes } = resultsOf(comparisonReport(10_000)).comparison!;
    const { green, red } = picocolors.createColors(true);
    expect(text).toContain(green(formatPoints(classes[8]!.gain)));
    expect(text).toContain(red(formatPoints(classes[4]!.gain)));
    expect(text).not.toContain(red(formatPoints(classes[1]!.gain)));
  });

  test('ends its table with target, other and total; without target digits with total', async () => {
    const sumRows = async (report: Report) => (await renderText(report)).match(/^(target|other|total) /gm);
    expect(await sumRows(comparisonReport())).toEqual(['target ', 'other ', 'total ']);
    expect(await sumRows({ ...comparisonReport(), targetLabels: [] })).toEqual(['total ']);
  });

  test('marks target classes with a plus sign if class names are long', async () => {
    const text = await renderText(withLongClassNames(comparisonReport(10_000)));
    expect(text).toMatch(/^T-shir… \+ +\d/m);
    expect(text).toMatch(/^\+ target$/m);
    expect(text).toMatch(/^pullov… +\d/m);
  });

  test('lists the digits that got significantly worse', async () => {
    expect(await renderText(comparisonReport(10_000))).toContain('significantly worse: 4');
  });

  test('prints n/a for a class without examples, and calls classes digits only if they are', async () => {
    const evaluation = {
      ...makeEvaluation([0, 0], [0, 1], { classes: 3 }),
      classNames: ['cat', 'dog', 'horse'],
    };
    const text = await renderText({ ...singleReport(), evaluation: { ...evaluation, name: 'base' } });
    expect(text).toMatch(/^class +examples/m);
    expect(text).toMatch(/^horse +0 +0 +n\/a +n\/a +n\/a +n\/a$/m);
  });

  test('has SciPy’s confidence intervals and scikit-learn’s metrics', async () => {
    const labels = Array.from({ length: 30 }, (_, index) => (index < 20 ? 0 : 1));
    const predictions = labels.map((label, index) => ([3, 25, 26].includes(index) ? 1 - label : label));
    const evaluation = {
      ...makeEvaluation(labels, predictions, { classes: 3 }),
      classNames: ['cat', '1', '2'],
      name: 'base',
    };
    // scipy.stats.binomtest(19, 20).proportion_ci(method='wilson'): 0.76387, 0.99112; (8, 10): 0.49016, 0.94332;
    // (27, 30): 0.74379, 0.96540. Precision 19 / 21 and 8 / 9, F1 38 / 41 and 16 / 19; accuracy 0.9, confidence 0.75.
    expect(await renderText({ ...singleReport(), evaluation })).toBe(
      [
        'eval runs/pretrain',
        'MNIST test, 30 examples; seed 0',
        '',
        'class  examples  wrong  accuracy %  95 % interval  precision %   F1 %',
        'cat          20      1       95.00    76.39-99.11        90.48  92.68',
        '1            10      2       80.00    49.02-94.33        88.89  84.21',
        '2             0      0         n/a            n/a          n/a    n/a',
        'total        30      3       90.00    74.38-96.54',
        '',
        'loss 0.5000; macro F1 % 88.45; calibration error % 15.00',
      ].join('\n'),
    );
  });

  test.each([
    [['0', '1', '2', '3', '4', '5', '6', '7', '8', '9'], 'digits'],
    [['0', '1', '2', '3', '4', '5', '6', '7', '8', 'x'], 'classes'],
    [['0', '1', '2', '3', '4', '5', '6', '7', '8', '10'], 'classes'],
    [['0', '1', '2', '3', '4', '5', '6', '7', '8', '9a'], 'classes'],
    [['0', '1', '2', '3', '4', '5', '6', '7', '8', 'a9'], 'classes'],
  ])('calls the classes %j %s', async (classNames, word) => {
    const report = comparisonReport(300);
    const named = <T extends { classNames: readonly string[] }>(part: T): T => ({ ...part, classNames });
    const { evaluation, baseline } = report;
    const text = await renderText({
      ...report,
      evaluation: named(evaluation),
      baseline: named(baseline!),
      gates: undefined,
    });
    expect(text).toContain(`target ${word} +3.75 points`);
  });

  test('reports a strength search without a guard in training', async () => {
    const { guard, ...report } = comparisonReport(300);
    const { training: _, ...searchOnly } = guard!;
    expect(await renderText({ ...report, guard: searchOnly })).toMatch(/^strength search \(/m);
    expect(await renderText({ ...report, guard: searchOnly })).not.toMatch(/^guard \(/m);
  });

  test('reports the step that the guard kept and the strength that the search kept', async () => {
    const text = (await renderText(comparisonReport())).replaceAll('\n  ', ' ');
    expect(text).toContain(
      'guard (at most 1 points lost on 6,000 validation examples): 5 checks, kept step 150: ' +
        'target digits +3.75 points, worst other digit -0.83',
    );
    expect(text).toContain(
      'strength search (at most 1 points lost on 6,000 validation examples): kept strength 0.75: ' +
        'target digits +3.75 points, worst other digit -0.68',
    );
  });

  test('reports the step at which a guard of all digits ended training', async () => {
    const checks = [
      { step: 0, gain: 0, drop: 0 },
      { step: 20, gain: 0.01, drop: 0.5 },
    ];
    const guard = { examples: 100, maxDrop: 0.005, training: { checks, keptStep: 0, endedAtStep: 20 } };
    const text = (await renderText({ ...comparisonReport(), guard, targetLabels: [] })).replaceAll(
      '\n  ',
      ' ',
    );
    expect(text).toContain(
      'guard (at most 0.5 points lost on 100 validation examples): 2 checks, training ended at step 20, ' +
        'kept step 0: all digits 0.00 points, worst digit 0.00',
    );
  });

  test.each<[string, Partial<Report['run']>, string]>([
    [
      'all settings',
      {},
      'MNIST test, 300 examples; rank 2, alpha 1, 200 steps of batch 10, seed 0; target 2, 3, 5, 8, 9',
    ],
    [
      'strength and replay',
      { rank: undefined, alpha: undefined, strength: 0.5, replay: 0.25 },
      'MNIST test, 300 examples; strength 0.5, 200 steps of batch 10, replay 0.25, seed 0; target 2, 3, 5, 8, 9',
    ],
    [
      'full strength without replay',
      { strength: 1, replay: 0, batchSize: undefined, seed: undefined },
      'MNIST test, 300 examples; rank 2, alpha 1, 200 steps; target 2, 3, 5, 8, 9',
    ],
  ])('lists the settings: %s', async (_, run, line) => {
    const report = comparisonReport(300);
    const text = await renderReport({ ...report, run: { ...report.run, ...run } }, 'text');
    expect(text.replaceAll(/\s+/g, ' ')).toContain(` ${line} `);
  });

  test('of an evaluation alone has a line with data and seed only', async () => {
    const text = await renderReport(singleReport(300), 'text');
    expect(text.split('\n')).toContain('MNIST test, 300 examples; seed 0');
    const { folder: _, ...run } = singleReport(300).run;
    const { seed: __, ...unseeded } = run;
    const bare = await renderReport({ ...singleReport(300), run: unseeded }, 'text');
    expect(bare.split('\n').slice(0, 2)).toEqual(['eval', 'MNIST test, 300 examples']);
  });

  test('reports which gates were met', async () => {
    const text = await renderText(comparisonReport(10_000));
    expect(text).toMatch(/^met {6}min-accuracy 0.8: accuracy is 0\.\d+$/m);
    expect(text).toMatch(/^NOT MET {2}max-digit-drop 1: 4 lost \d\.\d\d points/m);
  });
});

describe('a report as Markdown', () => {
  test.each(reports)('gives every table row of %s as many cells as the header', async (_, report) => {
    const markdown = await renderReport(report, 'markdown');
    const tables = markdown.split('\n\n').filter((part) => part.startsWith('|'));
    expect(tables.length).toBeGreaterThan(1);
    for (const table of tables) {
      const cellCounts = table
        .trim()
        .split('\n')
        .map((row) => row.split(/(?<!\\)\|/).length);
      expect(new Set(cellCounts).size).toBe(1);
    }
  });

  test('escapes names', async () => {
    const report = singleReport();
    const run = { ...report.run, folder: 'a|b<i>*_' };
    expect(await renderReport({ ...report, run }, 'markdown')).toContain('a\\|b\\<i\\>\\*\\_');
  });
});

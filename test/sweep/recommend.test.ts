import { expect, test } from 'vitest';
import { paretoFront, recommend, scoreConfiguration, scoreTrial } from '../../src/sweep/index.ts';
import { configuration, trial } from './make-scores.ts';

test('a trial is scored on target, other and all classes, and by the worst drop', () => {
  const score = scoreTrial(trial(0, 10, 8, 1).result!.classes, [0]);
  expect(score.target).toBeCloseTo(0.9, 12);
  expect(score.other).toBeCloseTo(0.92, 12);
  expect(score.total).toBeCloseTo(0.91, 12);
  expect(score.gain).toBeCloseTo(0.1, 12);
  expect(score.drop).toBeCloseTo(0.03, 12);
});

test('without target classes all classes are targets', () => {
  const score = scoreTrial(trial(0, 10, 8, 1).result!.classes, []);
  expect(score).toMatchObject({ other: undefined, total: score.target });
  expect(score.drop).toBeCloseTo(0.03, 12);
});

test('classes without held-out images do not count', () => {
  const classes = [
    { support: 100, errorsBefore: 20, errorsAfter: 10 },
    { support: 0, errorsBefore: 0, errorsAfter: 0 },
    { support: 50, errorsBefore: 4, errorsAfter: 1 },
    { support: 200, errorsBefore: 10, errorsAfter: 16 },
  ];
  const score = scoreTrial(classes, [0, 1]);
  expect(score.target).toBeCloseTo(1 - 10 / 100, 12);
  expect(score.other).toBeCloseTo(1 - 17 / 250, 12);
  expect(score.total).toBeCloseTo(1 - 27 / 350, 12);
  expect(score.gain).toBeCloseTo(10 / 100, 12);
  expect(score.drop).toBeCloseTo(6 / 200, 12);
  expect(scoreTrial(classes, [0]).drop).toBeCloseTo(6 / 200, 12);
});

test('the drop is that of other classes, not of target classes', () => {
  const classes = [
    { support: 100, errorsBefore: 20, errorsAfter: 60 },
    { support: 100, errorsBefore: 5, errorsAfter: 6 },
  ];
  expect(scoreTrial(classes, [0]).drop).toBeCloseTo(0.01, 12);
  expect(scoreTrial(classes, []).drop).toBeCloseTo(0.4, 12);
});

test('the scores of a configuration are means over its seeds, with the most memory of any', () => {
  const records = [trial(3, 10, 5, 7), trial(5, 20, 9, 7)].map((record, index) => ({
    ...record,
    result: {
      ...record.result!,
      effectiveRank: 1 + index,
      elapsedMs: 100 * (1 + index),
      peakBytes: 9 - index,
    },
  }));
  const score = scoreConfiguration({ rank: 7 }, [...records, undefined], [0])!;
  expect(score).toMatchObject({
    configuration: { rank: 7 },
    seeds: [3, 5],
    failed: 1,
    trainableParameters: 7,
    effectiveRank: 1.5,
    elapsedMs: 150,
    peakBytes: 9,
  });
  const means = [score.target, score.other!, score.total, score.gain, score.drop].map(({ mean }) => mean);
  for (const [index, value] of [0.85, 0.93, 0.89, 0.05, 0.02].entries())
    expect(means[index]).toBeCloseTo(value, 12);
});

test('of equally good configurations the smaller is recommended, of equally small the better', () => {
  const errors = [
    [10, 5],
    [10, 5],
  ] as const;
  const better = [
    [9, 5],
    [10, 5],
  ] as const;
  const sizes = (...scores: readonly (readonly [number, readonly (readonly [number, number])[]])[]) =>
    recommend(
      scores.map(([size, list]) => configuration(size, list)),
      { targetLabels: [0] },
    );
  expect(sizes([2, errors], [1, better], [4, better])).toMatchObject({ best: 1, recommended: 1 });
  expect(sizes([2, errors], [2, better])).toMatchObject({ best: 1, recommended: 1 });
  expect(sizes([2, better], [2, errors])).toMatchObject({ best: 0, recommended: 0 });
  expect(sizes([2, errors], [2, errors])).toMatchObject({ best: 0, recommended: 0 });
});

test('the smallest configuration that is not significantly worse is recommended', () => {
  const small = configuration(1, [
    [30, 5],
    [29, 5],
    [31, 5],
    [30, 5],
  ]);
  const middle = configuration(2, [
    [11, 5],
    [9, 5],
    [12, 5],
    [9, 5],
  ]);
  const large = configuration(4, [
    [10, 5],
    [10, 5],
    [9, 5],
    [11, 5],
  ]);
  const result = recommend([small, middle, large], { targetLabels: [0] })!;
  expect(result).toMatchObject({ best: 2, recommended: 1 });
  expect(result.pValues[0]).toBeLessThan(0.001);
  expect(result.pValues[1]).toBeGreaterThan(0.3);
  expect(result.pValues[2]).toBeNull();
});

test('configurations over the budget are neither best nor recommended', () => {
  const forgetful = configuration(1, [
    [2, 30],
    [3, 31],
    [2, 29],
  ]);
  const careful = configuration(4, [
    [12, 5],
    [13, 6],
    [12, 5],
  ]);
  expect(recommend([forgetful, careful], { targetLabels: [0], maxDrop: 0.02 })).toMatchObject({
    best: 1,
    recommended: 1,
    withinBudget: [false, true],
    pValues: [null, null],
  });
  expect(recommend([forgetful], { targetLabels: [0], maxDrop: 0.02 })).toBeUndefined();
});

test('with a budget the target classes decide, without one all classes', () => {
  const scores = [
    configuration(1, [[8, 12]]), // target 0.92, all 0.90, the other class loses 0.07
    configuration(1, [[10, 5]]), // target 0.90, all 0.925
  ];
  expect(recommend(scores, { targetLabels: [0] })!.best).toBe(1);
  const { drop } = scores[0]!;
  expect(recommend(scores, { targetLabels: [0], maxDrop: drop.mean })).toMatchObject({
    best: 0,
    withinBudget: [true, true],
  });
  expect(recommend(scores, { targetLabels: [0], maxDrop: drop.mean - 1e-9 })).toMatchObject({
    best: 1,
    withinBudget: [false, true],
  });
});

test('only seeds that both configurations have are compared', () => {
  const best = configuration(4, [
    [10, 5],
    [12, 5],
    [9, 5],
    [11, 5],
  ]);
  const records = [trial(0, 12, 5, 1), undefined, trial(2, 12, 5, 1), trial(3, 12, 5, 1)];
  const gaps = scoreConfiguration({ rank: 1 }, records, [0])!;
  const { pValues } = recommend([gaps, best], { targetLabels: [0], maxDrop: 1 })!;
  // scipy.stats.ttest_1samp([0.02, 0.03, 0.01], 0, alternative='greater').pvalue
  expect(pValues[0]).toBeCloseTo(0.03708995011372427, 9);
});

test('with one seed the best is recommended', () => {
  const scores = [configuration(1, [[10, 5]]), configuration(4, [[9, 5]])];
  expect(recommend(scores, { targetLabels: [0] })).toMatchObject({
    best: 1,
    recommended: 1,
    pValues: [null, null],
  });
});

test('seeds that failed in one configuration are left out of the comparison', () => {
  const complete = configuration(4, [
    [10, 5],
    [11, 5],
    [10, 5],
  ]);
  const records = [trial(0, 10, 5, 1), undefined, trial(2, 10, 5, 1)];
  const gaps = scoreConfiguration({ rank: 1 }, records, [0])!;
  expect(gaps).toMatchObject({ failed: 1, seeds: [0, 2] });
  expect(recommend([gaps, complete], { targetLabels: [0] })).toMatchObject({ best: 0, recommended: 0 });
});

test('a configuration without target classes has no score of other classes', () => {
  expect(scoreConfiguration({}, [trial(0, 10, 8, 1)], [])!.other).toBeUndefined();
});

test('a configuration without a complete trial has no score', () => {
  expect(scoreConfiguration({}, [undefined], [0])).toBeUndefined();
});

test('the Pareto front contains the configurations that no other beats in both gain and drop', () => {
  const scores = [
    configuration(1, [[15, 5]]), // gain 5, drop 0
    configuration(1, [[10, 10]]), // gain 10, drop 5
    configuration(1, [[16, 8]]), // gain 4, drop 3: beaten by the first
    configuration(1, [[8, 25]]), // gain 12, drop 20
  ];
  expect(paretoFront(scores)).toEqual([0, 1, 3]);
  expect(paretoFront(scores.toReversed())).toEqual([3, 2, 0]);
  const sameDrop = [configuration(1, [[15, 5]]), configuration(1, [[12, 5]]), configuration(1, [[13, 5]])];
  expect(paretoFront(sameDrop)).toEqual([1]);
  const sameGain = [configuration(1, [[12, 9]]), configuration(1, [[12, 5]])];
  expect(paretoFront(sameGain)).toEqual([1]);
  expect(paretoFront([])).toEqual([]);
});

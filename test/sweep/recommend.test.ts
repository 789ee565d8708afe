import { expect, test } from 'vitest';
import { paretoFront, recommend } from '../../src/sweep/recommend.ts';
import { type ConfigurationScore, scoreConfiguration, scoreTrial } from '../../src/sweep/scores.ts';
import { type TrialRecord, trialRecord } from '../../src/sweep/trial.ts';

/** A trial with 100 held-out images in each of two classes; class 0 is the target, class 1 another. */
function trial(
  seed: number,
  targetErrors: number,
  otherErrors: number,
  trainableParameters: number,
): TrialRecord {
  return trialRecord(
    {
      base: 'base',
      data: { train: 'a', heldOut: 'b' },
      device: 'cpu',
      settings: { seed } as never,
      version: '0',
    },
    {
      status: 'complete',
      result: {
        classes: [
          { support: 100, errorsBefore: 20, errorsAfter: targetErrors },
          { support: 100, errorsBefore: 5, errorsAfter: otherErrors },
        ],
        trainableParameters,
        effectiveRank: 1.5,
        engine: 'xla',
        elapsedMs: 1000,
        peakBytes: 1e8,
      },
    },
  );
}

/** Errors of the target and the other class for each seed. */
function configuration(size: number, errors: readonly (readonly [number, number])[]): ConfigurationScore {
  const records = errors.map(([target, other], seed) => trial(seed, target, other, size));
  return scoreConfiguration({ rank: size }, records, [0])!;
}

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

test('a configuration without a complete trial has no score', () => {
  expect(scoreConfiguration({}, [undefined], [0])).toBeUndefined();
});

test('the Pareto front holds what no other beats in both gain and drop', () => {
  const scores = [
    configuration(1, [[15, 5]]), // gain 5, drop 0
    configuration(1, [[10, 10]]), // gain 10, drop 5
    configuration(1, [[16, 8]]), // gain 4, drop 3: beaten by the first
    configuration(1, [[8, 25]]), // gain 12, drop 20
  ];
  expect(paretoFront(scores)).toEqual([0, 1, 3]);
});

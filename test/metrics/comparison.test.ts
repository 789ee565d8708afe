import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import {
  compareEvaluations,
  mcnemarTest,
  perClass,
  pooled,
  topConfusionChanges,
} from '../../src/metrics/index.ts';
import { makeEvaluation, randomEvaluation } from './make-evaluation.ts';

const rates = [0.05, 0.3, 0.1, 0.2];

describe('compareEvaluations', () => {
  test('counts fixed and broken examples by the true class', () => {
    const before = makeEvaluation([0, 0, 0, 1, 1], [1, 0, 0, 1, 0], { classes: 2 });
    const after = makeEvaluation([0, 0, 0, 1, 1], [0, 1, 0, 1, 0], { classes: 2 });
    const { classes, total } = compareEvaluations(before, after);
    expect(classes.map(({ fixed, broken }) => [fixed, broken])).toEqual([
      [1, 1],
      [0, 0],
    ]);
    expect(total).toMatchObject({ fixed: 1, broken: 1, gain: 0, pValue: 1, significant: false });
  });

  test('the change in errors is broken minus fixed', () => {
    const [before, after] = [randomEvaluation(2000, rates, 1), randomEvaluation(2000, rates, 2)];
    for (const change of compareEvaluations(before, after).classes) {
      expect(change.after.errors - change.before.errors).toBe(change.broken - change.fixed);
      expect(change.gain).toBeCloseTo(change.after.accuracy! - change.before.accuracy!, 12);
    }
  });

  test('splits the total into target and other classes', () => {
    const [before, after] = [randomEvaluation(2000, rates, 1), randomEvaluation(2000, rates, 2)];
    const { classes, target, other, total } = compareEvaluations(before, after, { targetLabels: [1, 3] });
    expect(classes.map(({ isTarget }) => isTarget)).toEqual([false, true, false, true]);
    expect(target!.after).toEqual(pooled([perClass(after)[1]!, perClass(after)[3]!]));
    expect(target!.fixed + other!.fixed).toBe(total.fixed);
    expect(target!.before.errors + other!.before.errors).toBe(total.before.errors);
    expect(compareEvaluations(before, after).target).toBeUndefined();
  });

  test('corrects the p-values of classes, not those of groups', () => {
    const labels = Array.from({ length: 40 }, (_, index) => (index < 20 ? 0 : 1));
    const before = makeEvaluation(labels, labels, { classes: 3 });
    const broken = labels.map((label, index) => (index < 6 ? 2 : label));
    const after = makeEvaluation(labels, broken, { classes: 3 });
    const { classes, total } = compareEvaluations(before, after);
    expect(mcnemarTest(0, 6)).toBeCloseTo(0.03125, 9);
    expect(total.pValue).toBeCloseTo(0.03125, 9);
    expect(total.significant).toBe(true);
    expect(classes[0]!.pValue).toBeCloseTo(0.0625, 9);
    expect(classes[0]!.significant).toBe(false);
    expect(classes[2]!.pValue).toBeNull();
    expect(classes[2]!.gain).toBeNull();
    expect(classes[2]!.significant).toBe(false);
  });

  test('rejects evaluations of different images with equal labels', () => {
    const labels = [0, 1, 2];
    const [before, after] = [makeEvaluation(labels, labels), makeEvaluation(labels, labels)];
    const hashed = (evaluation: typeof before, digit: string) => ({
      ...evaluation,
      dataHash: digit.repeat(64),
    });
    expect(() => compareEvaluations(hashed(before, 'a'), hashed(after, 'b'))).toThrow(
      /^cannot compare different images with the same labels: the data hash is a{12} before and b{12} after;/,
    );
    expect(compareEvaluations(hashed(before, 'a'), hashed(after, 'a')).total.fixed).toBe(0);
    expect(compareEvaluations(before, hashed(after, 'b')).total.fixed).toBe(0);
    expect(compareEvaluations(hashed(before, 'a'), after).total.fixed).toBe(0);
  });

  test('lists the confusions whose count changed most, without correct predictions', () => {
    const labels = [0, 0, 0, 1, 1, 2];
    const before = makeEvaluation(labels, [1, 1, 0, 1, 2, 2], { classes: 3 });
    const after = makeEvaluation(labels, [0, 0, 0, 1, 2, 1], { classes: 3 });
    expect(compareEvaluations(before, after).topConfusionChanges).toEqual([
      { truth: '0', predicted: '1', before: 2, after: 0 },
      { truth: '2', predicted: '1', before: 0, after: 1 },
    ]);
  });

  test('orders confusions by the size of their change, ties by label', () => {
    const labels = [0, 0, 1, 1, 1, 1, 1, 2, 2];
    const before = makeEvaluation(labels, [1, 0, 0, 0, 1, 1, 1, 2, 2], { classes: 3 });
    const after = makeEvaluation(labels, [0, 0, 2, 2, 2, 0, 0, 1, 1], { classes: 3 });
    const changes = topConfusionChanges(before, after);
    expect(changes.map(({ truth, predicted, before, after }) => [truth, predicted, before, after])).toEqual([
      ['1', '2', 0, 3],
      ['2', '1', 0, 2],
      ['0', '1', 1, 0],
    ]);
    expect(topConfusionChanges(before, after, 2)).toEqual(changes.slice(0, 2));
  });

  test('orders confusions by their change, not by their number', () => {
    const labels = [0, 0, 0, 0, 0, 1, 1, 1];
    for (const swap of [0, 1]) {
      const evaluation = (...predictions: number[]) =>
        makeEvaluation(
          labels.map((label) => Math.abs(label - swap)),
          predictions.map((label) => Math.abs(label - swap)),
          { classes: 2 },
        );
      const changes = topConfusionChanges(
        evaluation(1, 1, 1, 1, 0, 0, 0, 1),
        evaluation(1, 1, 1, 1, 1, 1, 1, 1),
      );
      expect(changes.map(({ before, after }) => [before, after])).toEqual([
        [2, 0],
        [4, 5],
      ]);
    }
  });

  test.each([
    ['another number of examples', makeEvaluation([0, 1, 1], [0, 1, 1]), '2 examples with 3'],
    [
      'another first example',
      makeEvaluation([1, 1], [0, 1]),
      'the label of example 0 is 0 before and 1 after',
    ],
    ['other examples', makeEvaluation([0, 2], [0, 2]), 'the label of example 1 is 1 before and 2 after'],
    ['other classes', makeEvaluation([0, 1], [0, 1], { classes: 3 }), 'classes 0, 1, 2, 3'],
  ])('throws for %s', (_, after, message) => {
    const compare = () => compareEvaluations(makeEvaluation([0, 1], [0, 1]), after);
    expect(compare).toThrow(CheckpointError);
    expect(compare).toThrow(message);
  });
});

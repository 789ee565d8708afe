import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  type Averages,
  calibrationError,
  classificationMetrics,
  confusionMatrix,
} from '../../src/metrics/index.ts';
import { makeEvaluation } from './make-evaluation.ts';

/** Random labels and predictions, and what scikit-learn computes from them. */
interface Case {
  classes: number;
  labels: number[];
  predictions: number[];
  confidences: number[];
  confusionMatrix: number[][];
  perClass: { precision: number[]; recall: number[]; f1: number[] };
  macro: Averages;
  weighted: Averages;
  calibrationError: number;
}

const fixtures = JSON.parse(readFileSync('test/fixtures/statistics/statistics.json', 'utf8'));
const cases: Case[] = fixtures.classification;

describe.each(cases.map((reference, index) => ({ set: index + 1, reference })))(
  'set $set of random labels',
  ({ reference }) => {
    const evaluation = makeEvaluation(reference.labels, reference.predictions, reference);
    const metrics = () => classificationMetrics(evaluation);

    test('has scikit-learn’s confusion matrix', () => {
      expect(confusionMatrix(evaluation)).toEqual(reference.confusionMatrix);
    });

    test('has scikit-learn’s precision, recall and F1 of each class; null where scikit-learn sets an undefined value to 0', () => {
      for (const key of ['precision', 'recall', 'f1'] as const) {
        for (const [label, value] of reference.perClass[key].entries()) {
          expect(metrics().classes[label]![key] ?? 0).toBeCloseTo(value, 12);
        }
      }
    });

    test.each(['macro', 'weighted'] as const)('has scikit-learn’s %s averages', (kind) => {
      for (const key of ['precision', 'recall', 'f1'] as const) {
        expect(metrics()[kind][key]).toBeCloseTo(reference[kind][key], 12);
      }
    });

    test('has the calibration error of an independent implementation', () => {
      // 7 digits: confidences are float32.
      expect(metrics().calibrationError).toBeCloseTo(reference.calibrationError, 7);
    });
  },
);

describe('classificationMetrics', () => {
  test('precision, recall and F1 are null for a class that is neither truth nor prediction', () => {
    const { classes, macro } = classificationMetrics(makeEvaluation([0, 1], [0, 1], { classes: 3 }));
    expect(classes[2]).toEqual({ className: '2', precision: null, recall: null, f1: null });
    expect(macro.f1).toBe(1);
  });

  test('precision is null and F1 is 0 for a class that is never predicted', () => {
    const { classes } = classificationMetrics(makeEvaluation([0, 1], [0, 0], { classes: 2 }));
    expect(classes[1]).toEqual({ className: '1', precision: null, recall: 0, f1: 0 });
  });
});

describe('calibrationError', () => {
  test('is the distance between confidence and accuracy if all examples share one bin', () => {
    const evaluation = makeEvaluation([0, 0, 0, 0], [0, 0, 0, 1], { confidences: [0.5, 0.5, 0.5, 0.5] });
    expect(calibrationError(evaluation)).toBe(0.25);
  });

  test('puts a confidence on the edge of two bins into the lower bin', () => {
    const evaluation = makeEvaluation([0, 0], [1, 0], { confidences: [0.5, 0.25] });
    expect(calibrationError(evaluation, 2)).toBe(0.125);
  });

  test('counts a confidence that rounding puts above 1', () => {
    const evaluation = makeEvaluation([0, 0], [1, 0], { confidences: [1 + 2 ** -23, 1] });
    expect(calibrationError(evaluation)).toBeCloseTo(0.5, 6);
  });

  test('counts confidences of exactly 0 and 1', () => {
    const evaluation = makeEvaluation([0, 0], [0, 1], { confidences: [1, 0] });
    expect(calibrationError(evaluation)).toBe(0);
  });
});

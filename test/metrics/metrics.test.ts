import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { confusionMatrix } from '../../src/metrics/confusion.ts';
import { type Averages, calibrationError, classificationMetrics } from '../../src/metrics/metrics.ts';
import { makeEvaluation } from './make-evaluation.ts';

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

describe.each(cases.map((one, index) => ({ name: index + 1, one })))('random labels $name', ({ one }) => {
  const evaluation = makeEvaluation(one.labels, one.predictions, one);
  const metrics = classificationMetrics(evaluation);

  test('give scikit-learn’s confusion matrix', () => {
    expect(confusionMatrix(evaluation)).toEqual(one.confusionMatrix);
  });

  test('give scikit-learn’s precision, recall and F1 of each class, with null for its undefined 0', () => {
    for (const key of ['precision', 'recall', 'f1'] as const) {
      for (const [label, value] of one.perClass[key].entries()) {
        expect(metrics.classes[label]![key] ?? 0).toBeCloseTo(value, 12);
      }
    }
  });

  test.each(['macro', 'weighted'] as const)('give scikit-learn’s %s averages', (kind) => {
    for (const key of ['precision', 'recall', 'f1'] as const) {
      expect(metrics[kind][key]).toBeCloseTo(one[kind][key], 12);
    }
  });

  test('give the calibration error of a second implementation', () => {
    expect(metrics.calibrationError).toBeCloseTo(one.calibrationError, 7);
  });
});

describe('classificationMetrics', () => {
  test('a class that is neither truth nor prediction has no precision, recall or F1', () => {
    const { classes, macro } = classificationMetrics(makeEvaluation([0, 1], [0, 1], { classes: 3 }));
    expect(classes[2]).toEqual({ className: '2', precision: null, recall: null, f1: null });
    expect(macro.f1).toBe(1);
  });

  test('a class that is never predicted has no precision but an F1 of 0', () => {
    const { classes } = classificationMetrics(makeEvaluation([0, 1], [0, 0], { classes: 2 }));
    expect(classes[1]).toEqual({ className: '1', precision: null, recall: 0, f1: 0 });
  });
});

describe('calibrationError', () => {
  test('is the distance of confidence from accuracy where all share one bin', () => {
    const evaluation = makeEvaluation([0, 0, 0, 0], [0, 0, 0, 1], { confidences: [0.5, 0.5, 0.5, 0.5] });
    expect(calibrationError(evaluation)).toBe(0.25);
  });

  test('puts a confidence on the edge of two bins into the lower one', () => {
    const evaluation = makeEvaluation([0, 0], [1, 0], { confidences: [0.5, 0.25] });
    expect(calibrationError(evaluation, 2)).toBe(0.125);
  });

  test('counts confidences of exactly 0 and 1', () => {
    const evaluation = makeEvaluation([0, 0], [0, 1], { confidences: [1, 0] });
    expect(calibrationError(evaluation)).toBe(0);
  });
});

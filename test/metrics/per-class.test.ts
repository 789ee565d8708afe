import { describe, expect, test } from 'vitest';
import { overall, perClass, pooled } from '../../src/metrics/index.ts';
import { makeEvaluation, randomEvaluation } from './make-evaluation.ts';

describe('perClass', () => {
  test('counts examples and errors by the true class', () => {
    const evaluation = makeEvaluation([0, 0, 1, 1, 1], [0, 1, 1, 1, 0], { classes: 2 });
    expect(perClass(evaluation)).toEqual([
      { className: '0', support: 2, errors: 1, accuracy: 0.5 },
      { className: '1', support: 3, errors: 1, accuracy: 2 / 3 },
    ]);
  });

  test('the accuracy of a class without examples is null, not 0 or NaN', () => {
    const evaluation = makeEvaluation([0], [1], { classes: 2 });
    expect(perClass(evaluation)[1]).toEqual({ className: '1', support: 0, errors: 0, accuracy: null });
  });

  test('support sums to the number of examples, errors to the number of misclassified examples', () => {
    const evaluation = randomEvaluation(997, [0.1, 0.2, 0.9], 3);
    const wrong = evaluation.labels.filter((label, index) => label !== evaluation.predictions[index]).length;
    const classes = perClass(evaluation);
    expect(classes.reduce((sum, { support }) => sum + support, 0)).toBe(997);
    expect(classes.reduce((sum, { errors }) => sum + errors, 0)).toBe(wrong);
  });
});

describe('overall', () => {
  test('sums over all classes; without examples the accuracy is null', () => {
    const evaluation = makeEvaluation([0, 1, 2, 2], [0, 0, 2, 1], { classes: 3 });
    expect(overall(evaluation)).toEqual({ support: 4, errors: 2, accuracy: 0.5 });
    expect(overall(makeEvaluation([], []))).toEqual({ support: 0, errors: 0, accuracy: null });
  });
});

describe('pooled', () => {
  test('weights each class by its support', () => {
    const scores = perClass(makeEvaluation([0, 1, 2, 2], [0, 0, 2, 1], { classes: 3 }));
    expect(pooled([scores[0]!, scores[2]!])).toEqual({ support: 3, errors: 1, accuracy: 2 / 3 });
    expect(pooled([])).toEqual({ support: 0, errors: 0, accuracy: null });
  });
});

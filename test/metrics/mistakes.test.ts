import { describe, expect, test } from 'vitest';
import { worstMistakes } from '../../src/metrics/index.ts';
import { makeEvaluation } from './make-evaluation.ts';

describe('worstMistakes', () => {
  const before = makeEvaluation([0, 0, 1, 1], [0, 1, 1, 1], { confidences: [0.9, 0.9, 0.9, 0.9] });
  const after = makeEvaluation([0, 0, 1, 1], [2, 3, 0, 1], { confidences: [0.5, 0.9, 0.7, 0.99] });

  test('sorts mistakes by confidence, highest first', () => {
    expect(worstMistakes(after, 2).map(({ index }) => index)).toEqual([1, 2]);
  });

  test('keeps the order of mistakes with equal confidence', () => {
    const labels = [0, 0, 0, 0, 0];
    const equal = makeEvaluation(labels, [1, 2, 0, 3, 1], { confidences: [0.7, 0.8, 0.9, 0.8, 0.7] });
    expect(worstMistakes(equal, 9).map(({ index }) => index)).toEqual([1, 3, 0, 4]);
  });

  test('returns only examples that the baseline classified correctly', () => {
    expect(worstMistakes(after, 9, before).map(({ index, predicted }) => [index, predicted])).toEqual([
      [2, '0'],
      [0, '2'],
    ]);
  });
});

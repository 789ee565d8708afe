import { describe, expect, test } from 'vitest';
import { learningRateAt, type OptimizerConfig } from '../../../src/training/index.ts';

/** Learning rates of the steps 0, 1, 2, ... at a full rate of 8. */
function rates(schedule: OptimizerConfig['schedule'], steps: number): number[] {
  const config: OptimizerConfig = { rule: { kind: 'sgd' }, learningRate: 8, schedule };
  return Array.from({ length: steps }, (_, step) => learningRateAt(config, step));
}

describe('learningRateAt', () => {
  test('returns the full rate without a schedule', () => {
    expect(rates(undefined, 3)).toEqual([8, 8, 8]);
    expect(rates({ kind: 'constant' }, 3)).toEqual([8, 8, 8]);
  });

  test('rises linearly to the full rate in the steps of the warm-up', () => {
    expect(rates({ kind: 'constant', warmup: 4 }, 6)).toEqual([2, 4, 6, 8, 8, 8]);
  });

  test("multiplies by the factor every few steps, counted from the warm-up's end", () => {
    expect(rates({ kind: 'step', every: 2, factor: 0.5 }, 6)).toEqual([8, 8, 4, 4, 2, 2]);
    expect(rates({ kind: 'step', every: 2, factor: 0.5, warmup: 2 }, 6)).toEqual([4, 8, 8, 8, 4, 4]);
  });

  test('falls as a cosine from the full rate to the minimum', () => {
    const expected = [8, 8 - 4 * (1 - Math.SQRT1_2), 4, 4 - 4 * Math.SQRT1_2, 0, 0];
    rates({ kind: 'cosine', totalSteps: 4 }, 6).forEach((rate, step) => {
      expect(rate).toBeCloseTo(expected[step]!, 12);
    });
  });

  test('of a cosine with a warm-up ends at the minimum after all steps', () => {
    const all = rates({ kind: 'cosine', totalSteps: 6, warmup: 2, minimum: 2 }, 8);
    const expected = [4, 8, 8, 5 + 3 * Math.SQRT1_2, 5, 5 - 3 * Math.SQRT1_2, 2, 2];
    all.forEach((rate, step) => {
      expect(rate).toBeCloseTo(expected[step]!, 12);
    });
  });

  test('of a cosine that ends with its warm-up is finite', () => {
    expect(rates({ kind: 'cosine', totalSteps: 2, warmup: 2, minimum: 1 }, 4)).toEqual([4, 8, 8, 1]);
  });
});

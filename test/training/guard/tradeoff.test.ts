import { expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import {
  bestWithinBudget,
  computeTradeoff,
  isExhausted,
  validateBudget,
} from '../../../src/training/guard/tradeoff.ts';

const counts = (errors: readonly number[], support = 100) =>
  errors.map((count) => ({ support, errors: count }));
const budget = { targetLabels: [0, 1], maxDrop: 0.02 };

test('the gain is that of the target classes together, the drop that of the worst other class', () => {
  expect(computeTradeoff(counts([20, 10, 5, 5]), counts([10, 8, 4, 7]), budget)).toEqual({
    gain: 12 / 200,
    drop: 0.02,
    dropLabel: 3,
    errors: 29,
    withinBudget: true,
  });
});

test('a drop equal to the budget is within it, despite rounding', () => {
  const before = counts([20, 10, 0, 0], 1000);
  const after = counts([20, 10, 0, 7], 1000);
  expect(computeTradeoff(before, after, { targetLabels: [0, 1], maxDrop: 0.7 / 100 }).withinBudget).toBe(
    true,
  );
});

test('one more error exceeds the budget', () => {
  expect(computeTradeoff(counts([20, 10, 5, 5]), counts([0, 0, 0, 8]), budget)).toMatchObject({
    drop: 0.03,
    withinBudget: false,
  });
});

test('the drop is negative if every other class gained', () => {
  expect(computeTradeoff(counts([20, 10, 5, 5]), counts([20, 10, 4, 3]), budget)).toMatchObject({
    drop: -0.01,
    dropLabel: 2,
  });
});

test('the gain weighs classes by their support, the drop does not', () => {
  const before = [
    { support: 300, errors: 30 },
    { support: 100, errors: 30 },
    { support: 10, errors: 0 },
    { support: 1000, errors: 0 },
  ];
  const after = [
    { support: 300, errors: 30 },
    { support: 100, errors: 10 },
    { support: 10, errors: 1 },
    { support: 1000, errors: 5 },
  ];
  expect(computeTradeoff(before, after, budget)).toMatchObject({ gain: 0.05, drop: 0.1, dropLabel: 2 });
});

test('without target labels every class is a target and guarded', () => {
  const result = computeTradeoff(counts([20, 10]), counts([10, 13]), { targetLabels: [], maxDrop: 0.02 });
  expect(result).toMatchObject({ gain: 7 / 200, drop: 0.03, dropLabel: 1, withinBudget: false });
});

test('classes without examples are ignored; without other classes the drop is 0', () => {
  const before = [
    { support: 100, errors: 9 },
    { support: 0, errors: 0 },
  ];
  expect(computeTradeoff(before, before, { targetLabels: [0], maxDrop: 0 })).toEqual({
    gain: 0,
    drop: 0,
    dropLabel: undefined,
    errors: 9,
    withinBudget: true,
  });
});

test('the best candidate within the budget gains most, then has the fewest errors, then comes first', () => {
  const candidate = (gain: number, errors: number, withinBudget: boolean) => ({
    gain,
    errors,
    withinBudget,
    drop: 0,
  });
  const best = candidate(0.2, 40, true);
  const others = [candidate(0.1, 10, true), candidate(0.2, 50, true)];
  expect(bestWithinBudget([...others, best, { ...best }, candidate(0.9, 1, false)])).toBe(best);
  expect(bestWithinBudget([candidate(0.9, 1, false)])).toBeUndefined();
});

test('patience is exhausted by checks in a row that exceed the budget', () => {
  const within = { gain: 0, drop: 0, errors: 0, withinBudget: true };
  const exceeded = { ...within, withinBudget: false };
  expect(isExhausted([within, exceeded, exceeded], 2)).toBe(true);
  expect(isExhausted([exceeded, within, exceeded], 2)).toBe(false);
  expect(isExhausted([exceeded], 2)).toBe(false);
});

test.for([
  [{ targetLabels: [1], maxDrop: -0.01 }, 'maximum drop -1 points: must be from 0 to 100 points'],
  [{ targetLabels: [1], maxDrop: Number.NaN }, 'maximum drop NaN points: must be'],
  [{ targetLabels: [4], maxDrop: 0.1 }, 'target label 4 is outside the 4 classes (0 to 3)'],
] as const)('rejects the budget %j', ([invalid, message]) => {
  expect(() => validateBudget(invalid, 4)).toThrow(UsageError);
  expect(() => validateBudget(invalid, 4)).toThrow(message);
});

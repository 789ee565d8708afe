import { expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import {
  bestWithinBudget,
  checkBudget,
  computeTradeoff,
  isExhausted,
} from '../../../src/training/guard/policy.ts';

const counts = (errors: readonly number[], support = 100) =>
  errors.map((count) => ({ support, errors: count }));
const budget = { targetLabels: [0, 1], maxDrop: 0.02 };

test('the gain is that of the tuned classes together, the drop that of the other class that lost most', () => {
  expect(computeTradeoff(counts([20, 10, 5, 5]), counts([10, 8, 4, 7]), budget)).toEqual({
    gain: 12 / 200,
    drop: 0.02,
    dropLabel: 3,
    errors: 29,
    withinBudget: true,
  });
});

test('a drop of just the budget is within it, whatever rounding does to the fraction', () => {
  const [before, after] = [counts([20, 10, 0, 0], 1000), counts([20, 10, 0, 7], 1000)];
  expect(computeTradeoff(before, after, { targetLabels: [0, 1], maxDrop: 0.7 / 100 }).withinBudget).toBe(
    true,
  );
});

test('one image beyond the budget is beyond it', () => {
  expect(computeTradeoff(counts([20, 10, 5, 5]), counts([0, 0, 0, 8]), budget)).toMatchObject({
    drop: 0.03,
    withinBudget: false,
  });
});

test('a drop is negative when every other class gained', () => {
  expect(computeTradeoff(counts([20, 10, 5, 5]), counts([20, 10, 4, 3]), budget)).toMatchObject({
    drop: -0.01,
    dropLabel: 2,
  });
});

test('classes count by their size in the gain, and each for itself in the drop', () => {
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

test('without tuned classes every class is both tuned and guarded', () => {
  const result = computeTradeoff(counts([20, 10]), counts([10, 13]), { targetLabels: [], maxDrop: 0.02 });
  expect(result).toMatchObject({ gain: 7 / 200, drop: 0.03, dropLabel: 1, withinBudget: false });
});

test('classes without examples are left out, and a set without other classes costs nothing', () => {
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

test('the best balance has the most gain within the budget, then the fewest errors, then comes first', () => {
  const one = (gain: number, errors: number, withinBudget: boolean) => ({
    gain,
    errors,
    withinBudget,
    drop: 0,
  });
  const best = one(0.2, 40, true);
  expect(
    bestWithinBudget([one(0.1, 10, true), one(0.2, 50, true), best, { ...best }, one(0.9, 1, false)]),
  ).toBe(best);
  expect(bestWithinBudget([one(0.9, 1, false)])).toBeUndefined();
});

test('only balances beyond the budget in a row exhaust it', () => {
  const [inside, beyond] = [true, false].map((withinBudget) => ({
    gain: 0,
    drop: 0,
    errors: 0,
    withinBudget,
  }));
  expect(isExhausted([inside!, beyond!, beyond!], 2)).toBe(true);
  expect(isExhausted([beyond!, inside!, beyond!], 2)).toBe(false);
  expect(isExhausted([beyond!], 2)).toBe(false);
});

test.for([
  [{ targetLabels: [1], maxDrop: -0.01 }, 'the largest drop is -1 points; it has to be from 0 to 100'],
  [{ targetLabels: [1], maxDrop: Number.NaN }, 'the largest drop is NaN points'],
  [{ targetLabels: [4], maxDrop: 0.1 }, 'tuned class 4 is outside the 4 classes (0 to 3)'],
] as const)('a budget of %j is refused', ([wrong, message]) => {
  expect(() => checkBudget(wrong, 4)).toThrow(UsageError);
  expect(() => checkBudget(wrong, 4)).toThrow(message);
});

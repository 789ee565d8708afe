import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { pairedTTest, repeated } from '../../src/metrics/index.ts';

const fixtures: {
  repeated: { values: number[]; mean: number; interval: [number, number]; greater: number }[];
} = JSON.parse(readFileSync('test/fixtures/statistics/statistics.json', 'utf8'));

test.each(fixtures.repeated)(
  'the mean and interval of $values equal SciPy’s',
  ({ values, mean, interval }) => {
    const result = repeated(values);
    expect(result.mean).toBeCloseTo(mean, 12);
    for (const [end, value] of interval.entries()) expect(result.interval![end]).toBeCloseTo(value, 7);
  },
);

test.each(fixtures.repeated)(
  'the p-value of $values equals SciPy’s one-sided t-test',
  ({ values, greater }) => {
    expect(pairedTTest(values)).toBeCloseTo(greater, 8);
  },
);

test('a single value has no interval and no p-value', () => {
  expect(repeated([0.4])).toEqual({ mean: 0.4, interval: null });
  expect(pairedTTest([0.4])).toBeNull();
});

test('equal differences need no test: certain above 0, otherwise none', () => {
  expect(pairedTTest([0.5, 0.5, 0.5])).toBe(0);
  expect(pairedTTest([0, 0])).toBe(1);
  expect(pairedTTest([-0.5, -0.5])).toBe(1);
});

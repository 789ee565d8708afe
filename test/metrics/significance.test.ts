import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { holm, mcnemar, wilson } from '../../src/metrics/significance.ts';

interface Fixtures {
  mcnemar: { fixed: number; broken: number; p: number }[];
  wilson: { successes: number; trials: number; level: number; interval: [number, number] }[];
  holm: { p: number[]; adjusted: number[] }[];
}

const fixtures: Fixtures = JSON.parse(readFileSync('test/fixtures/statistics/statistics.json', 'utf8'));

describe('mcnemar', () => {
  test.each(fixtures.mcnemar)(
    '$fixed fixed and $broken broken give SciPy’s p-value, also in far tails',
    ({ fixed, broken, p }) => {
      expect(mcnemar(fixed, broken) / p).toBeCloseTo(1, 6);
    },
  );

  test('does not care which way the change went', () => {
    expect(mcnemar(30, 10)).toBe(mcnemar(10, 30));
  });
});

describe('holm', () => {
  test.each(fixtures.holm)('adjusts $p as statsmodels does', ({ p, adjusted }) => {
    const ours = holm(p);
    for (const [index, value] of adjusted.entries()) expect(ours[index]).toBeCloseTo(value, 12);
  });

  test('leaves out what is not available, and does not count it', () => {
    expect(holm([0.02, null, 0.01])).toEqual([0.02, null, 0.02]);
    expect(holm([])).toEqual([]);
  });
});

describe('wilson', () => {
  test.each(fixtures.wilson)(
    '$successes of $trials at $level gives SciPy’s interval',
    ({ successes, trials, level, interval }) => {
      const ours = wilson(successes, trials, level)!;
      expect(ours[0]).toBeCloseTo(interval[0], 12);
      expect(ours[1]).toBeCloseTo(interval[1], 12);
    },
  );

  test('is not available without trials', () => {
    expect(wilson(0, 0)).toBeNull();
  });
});

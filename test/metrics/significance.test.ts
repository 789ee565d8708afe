import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import { holmCorrection, mcnemarTest, wilsonInterval } from '../../src/metrics/index.ts';

interface Fixtures {
  mcnemar: { fixed: number; broken: number; p: number }[];
  wilson: { successes: number; trials: number; level: number; interval: [number, number] }[];
  holm: { p: number[]; adjusted: number[] }[];
}

const fixtures: Fixtures = JSON.parse(readFileSync('test/fixtures/statistics/statistics.json', 'utf8'));

describe('mcnemarTest', () => {
  test.each(fixtures.mcnemar)(
    'equals SciPy’s p-value for $fixed fixed and $broken broken, also in far tails',
    ({ fixed, broken, p }) => {
      // A relative difference: p-values go down to 1e-120.
      expect(mcnemarTest(fixed, broken) / p).toBeCloseTo(1, 6);
    },
  );

  test('is 1 if nothing changed, or as much in both directions', () => {
    expect([mcnemarTest(0, 0), mcnemarTest(1, 1), mcnemarTest(500, 500)]).toEqual([1, 1, 1]);
  });

  test('is the same for a change in the other direction', () => {
    expect(mcnemarTest(30, 10)).toBe(mcnemarTest(10, 30));
  });
});

describe('holmCorrection', () => {
  test.each(fixtures.holm)('adjusts $p like statsmodels', ({ p, adjusted }) => {
    const corrected = holmCorrection(p);
    for (const [index, value] of adjusted.entries()) expect(corrected[index]).toBeCloseTo(value, 12);
  });

  test('keeps null and does not count it as a test', () => {
    expect(holmCorrection([0.02, null, 0.01])).toEqual([0.02, null, 0.02]);
    expect(holmCorrection([])).toEqual([]);
  });
});

describe('wilsonInterval', () => {
  test.each(fixtures.wilson)(
    'equals SciPy’s interval for $successes of $trials at level $level',
    ({ successes, trials, level, interval }) => {
      const bounds = wilsonInterval(successes, trials, level)!;
      expect(bounds[0]).toBeCloseTo(interval[0], 12);
      expect(bounds[1]).toBeCloseTo(interval[1], 12);
    },
  );

  test('ends at exactly 0 or 1 if no or every trial succeeded', () => {
    for (let trials = 1; trials <= 200; trials++) {
      expect(wilsonInterval(0, trials)![0]).toBe(0);
      expect(wilsonInterval(trials, trials)![1]).toBe(1);
    }
  });

  test('is null without trials', () => {
    expect(wilsonInterval(0, 0)).toBeNull();
  });
});

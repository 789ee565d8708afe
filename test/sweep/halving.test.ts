import { expect, test } from 'vitest';
import { halvingRounds, stepsForHalving } from '../../src/sweep/halving.ts';

test('each round has half the configurations and twice the steps of the round before', () => {
  expect(halvingRounds(8, 400)).toEqual([
    { steps: 100, configurations: 8 },
    { steps: 200, configurations: 4 },
    { steps: 400, configurations: 2 },
  ]);
});

test('the last round has all steps, also for numbers that are no powers of two', () => {
  for (let configurations = 1; configurations < 70; configurations++) {
    const rounds = halvingRounds(configurations, 1000);
    expect(rounds[0]!.configurations).toBe(configurations);
    expect(rounds.at(-1)!.steps).toBe(1000);
    expect(rounds.at(-1)!.configurations).toBeLessThanOrEqual(2);
  }
});

test('short trainings have fewer rounds', () => {
  expect(halvingRounds(64, 40)).toEqual([
    { steps: 10, configurations: 64 },
    { steps: 20, configurations: 32 },
    { steps: 40, configurations: 16 },
  ]);
  expect(halvingRounds(64, 5)).toEqual([{ steps: 5, configurations: 64 }]);
});

test('the steps must be the same for all, without warm-up', () => {
  expect(stepsForHalving([{ rank: 1 }, { rank: 2 }], 200)).toBe(200);
  expect(stepsForHalving([{ steps: 50 }], 200)).toBe(50);
  expect(() => stepsForHalving([{ steps: 50 }, { steps: 60 }], 200)).toThrow(
    /steps: 50, 60; successive halving/,
  );
  expect(() => stepsForHalving([{ warmup: 5 }], 200)).toThrow(/warmup: cannot be combined/);
});

import { expect, test } from 'vitest';
import { halvingRounds, stepsForHalving, survivors } from '../../src/sweep/index.ts';
import { configuration } from './make-scores.ts';

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
  expect(() => stepsForHalving([{ rank: 1 }, { rank: 2, warmup: 5 }], 200)).toThrow(/warmup: cannot/);
  expect(stepsForHalving([{ warmup: 0 }], 200)).toBe(200);
});

test('without a budget the configurations with the highest accuracy on all classes survive', () => {
  const scores = [
    configuration(1, [[19, 10]]), // 29 of 200 wrong
    configuration(2, [[4, 14]]), // 18
    configuration(3, [[14, 8]]), // 22
  ];
  expect(survivors(scores, { keep: 2 })).toEqual([{ rank: 2 }, { rank: 3 }]);
  expect(survivors(scores, { keep: 3 })).toEqual([{ rank: 2 }, { rank: 3 }, { rank: 1 }]);
});

test('with a budget those within it survive by their accuracy on the target classes, then those that lost least', () => {
  const scores = [
    configuration(1, [[2, 30]]), // loses 0.25 of the other class
    configuration(2, [[9, 7]]), // 0.02
    configuration(3, [[5, 20]]), // 0.15
    configuration(4, [[8, 7]]), // 0.02
  ];
  const ranks = (keep: number, maxDrop: number) =>
    survivors(scores, { keep, maxDrop }).map(({ rank }) => rank);
  expect(ranks(4, 0.05)).toEqual([4, 2, 3, 1]);
  expect(ranks(2, 0.2)).toEqual([3, 4]);
  expect(ranks(2, 0)).toEqual([2, 4]);
  expect(ranks(1, scores[2]!.drop.mean)).toEqual([3]);
});

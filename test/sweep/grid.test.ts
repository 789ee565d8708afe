import { expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { configurationsOf, type Grid, gridSize, requireGrid, settingsOf } from '../../src/sweep/index.ts';

const grid: Grid = { rank: [1, 2, 4], replay: [0, 0.5], optimizer: ['adam', 'sgd'] };

test('a grid combines all values, the last setting varying fastest', () => {
  expect(gridSize(grid)).toBe(12);
  expect(configurationsOf(grid)).toHaveLength(12);
  expect(configurationsOf({ rank: [1, 2], replay: [0, 0.5] })).toEqual([
    { rank: 1, replay: 0 },
    { rank: 1, replay: 0.5 },
    { rank: 2, replay: 0 },
    { rank: 2, replay: 0.5 },
  ]);
  expect(configurationsOf({})).toEqual([{}]);
});

test('a sample is drawn without replacement and depends on its seed alone', () => {
  const sample = (seed: number) => configurationsOf(grid, { count: 5, seed });
  expect(sample(0)).toEqual(sample(0));
  expect(sample(0)).not.toEqual(sample(1));
  const positions = sample(4).map((drawn) =>
    configurationsOf(grid).findIndex(
      (configuration) => JSON.stringify(configuration) === JSON.stringify(drawn),
    ),
  );
  expect(positions).toEqual(positions.toSorted((a, b) => a - b));
  expect(new Set(sample(0).map((configuration) => JSON.stringify(configuration))).size).toBe(5);
  expect(configurationsOf(grid, { count: 50, seed: 0 })).toEqual(configurationsOf(grid));
});

test('the settings of a configuration have the order of the grid', () => {
  expect(Object.keys(configurationsOf(grid)[5]!)).toEqual(['rank', 'replay', 'optimizer']);
});

test('every combination can be drawn', () => {
  const drawn = new Set<string>();
  for (let seed = 0; seed < 100; seed++) {
    for (const configuration of configurationsOf(grid, { count: 1, seed }))
      drawn.add(JSON.stringify(configuration));
  }
  expect(drawn.size).toBe(12);
});

test('a huge grid is sampled without listing it', () => {
  const values = Array.from({ length: 1000 }, (_, index) => index + 1);
  const huge: Grid = { rank: values, steps: values, batchSize: values };
  expect(gridSize(huge)).toBe(1e9);
  expect(configurationsOf(huge, { count: 3, seed: 0 })).toHaveLength(3);
});

test.each([
  [{ ranks: [1] }, /grid: ranks: not a setting that a sweep can vary; choose from rank, /],
  [{ rank: [] }, /grid: rank: the list of values is empty/],
  [{ rank: [1, 2, 1] }, /grid: rank: 1 is listed twice/],
  [{ targets: [/a/, /a/] }, /grid: targets: \/a\/ is listed twice/],
])('%j is rejected', (invalid, message) => {
  expect(() => requireGrid(invalid as Grid)).toThrow(UsageError);
  expect(() => requireGrid(invalid as Grid)).toThrow(message);
  expect(() => requireGrid({ ...grid, targets: [/a/, /b/, 'all'] })).not.toThrow();
});

test('a configuration becomes the settings of finetune', () => {
  const configuration = {
    rank: 4,
    method: 'weight',
    replay: 0.5,
    optimizer: 'sgd',
    learningRate: 0.1,
    checkEvery: 5,
  } as const;
  expect(settingsOf(configuration, 7, { targetLabels: [2, 3] })).toEqual({
    seed: 7,
    targetLabels: [2, 3],
    replay: 0.5,
    lora: { seed: 7, rank: 4, method: 'weight' },
    optimizer: { rule: 'sgd', learningRate: 0.1 },
  });
  expect(settingsOf(configuration, 7, { targetLabels: [], maxDrop: 0.01 })).toMatchObject({
    guard: { maxDrop: 0.01, checkEvery: 5 },
  });
});

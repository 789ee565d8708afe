import { expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { adaptiveReplay } from '../../../src/training/index.ts';

/** Row r has the class floor(r / 100). Class 0 is the target, 1 to 3 are replayed. */
const classOf = (row: number) => Math.floor(row / 100);
const rowsOf = (label: number) => Int32Array.from({ length: 100 }, (_, index) => 100 * label + index);

const BATCH = 10;
const create = (fraction = 0.5, seed = 3) =>
  adaptiveReplay({
    rows: rowsOf(0),
    replayRows: new Map([1, 2, 3].map((label) => [label, rowsOf(label)])),
    fraction,
    batchSize: BATCH,
    seed,
    maxDrop: 0.01,
  });

const counts = (errors: number[]) => errors.map((count) => ({ support: 100, errors: count }));
const BEFORE = counts([50, 10, 10, 10]);

function countByClass(rows: Int32Array): number[] {
  const byClass = [0, 0, 0, 0];
  for (const row of rows) byClass[classOf(row)]! += 1;
  return byClass;
}

test('replays all classes equally in every batch before the first check', () => {
  const replay = create(0.6);
  for (let batch = 0; batch < 20; batch++) {
    expect(countByClass(replay.take(batch * BATCH, BATCH))).toEqual([4, 2, 2, 2]);
  }
});

test('keeps the fraction on average if it is not a whole number of rows', () => {
  expect(countByClass(create(0.25).take(0, 40 * BATCH))[0]).toBe(300);
});

test('repeats no row of a class before all its rows were taken', () => {
  const rows = create(0.6).take(0, 50 * BATCH);
  for (const label of [1, 2, 3]) {
    const classRows = rows.filter((row) => classOf(row) === label);
    expect(new Set(classRows).size).toBe(classRows.length);
  }
});

test('replays a class more after it lost accuracy, and less after it gained', () => {
  const replay = create();
  replay.update(10, BEFORE, counts([40, 12, 10, 8]));
  const drawn = countByClass(replay.take(10 * BATCH, 60 * BATCH));
  expect(drawn[0]).toBe(300);
  // Class 1 lost two points, twice the budget: e^2. Class 3 gained two, e^-1 at least, but no weight is below 0.5.
  const weights = [Math.exp(2), 1, 0.5];
  const total = weights.reduce((sum, weight) => sum + weight);
  weights.forEach((weight, index) => {
    expect(Math.abs(drawn[index + 1]! - (300 * weight) / total)).toBeLessThanOrEqual(2);
  });
});

test('keeps the weights within bounds, so that every class is replayed', () => {
  const replay = create();
  for (let step = 0; step < 40; step++) replay.update(step, BEFORE, counts([50, 100, 0, 0]));
  const drawn = countByClass(replay.take(40 * BATCH, 1000 * BATCH));
  // The weights are 100, 0.5 and 0.5.
  expect(drawn).toEqual([5000, expect.closeTo(4950, -1), expect.closeTo(25, -1), expect.closeTo(25, -1)]);
});

test('rows depend on their position and the checks before it, not on the calls of take', () => {
  const [whole, parts] = [create(), create()];
  for (const replay of [whole, parts]) replay.update(5, BEFORE, counts([50, 15, 10, 10]));
  const expected = whole.take(0, 20 * BATCH);
  expect([...parts.take(3, 50), ...parts.take(53, 100)]).toEqual([...expected.slice(3, 153)]);
  expect(parts.take(0, 10)).toEqual(expected.slice(0, 10));
  expect(parts.take(190, 10)).toEqual(expected.slice(190));
});

test('an update does not change the rows before it', () => {
  const replay = create();
  const before = replay.take(0, 7 * BATCH);
  replay.update(7, BEFORE, counts([50, 15, 10, 10]));
  expect(replay.take(0, 7 * BATCH)).toEqual(before);
});

test('another seed takes other rows', () => {
  expect(create(0.5, 4).take(0, 20)).not.toEqual(create(0.5, 3).take(0, 20));
});

test('rejects a fraction outside (0, 1)', () => {
  for (const fraction of [0, 1, Number.NaN]) expect(() => create(fraction)).toThrow(UsageError);
});

import { expect, test } from 'vitest';
import { adaptiveReplay } from '../../../src/training/guard/adaptive-replay.ts';

/** Row r has class floor(r / 100): 0 is tuned, 1 to 3 are replayed. */
const classOf = (row: number) => Math.floor(row / 100);
const rowsOf = (label: number) => Int32Array.from({ length: 100 }, (_, index) => 100 * label + index);

const BATCH = 10;
const make = (share = 0.5, seed = 3) =>
  adaptiveReplay({
    rows: rowsOf(0),
    replayRows: new Map([1, 2, 3].map((label) => [label, rowsOf(label)])),
    share,
    batchSize: BATCH,
    seed,
    maxDrop: 0.01,
  });

const counts = (errors: number[]) => errors.map((one) => ({ support: 100, errors: one }));
const BEFORE = counts([50, 10, 10, 10]);

function tally(rows: Int32Array): number[] {
  const found = [0, 0, 0, 0];
  for (const row of rows) found[classOf(row)]! += 1;
  return found;
}

test('before any check each class gets the same share of the replay, in every batch as near as it goes', () => {
  const order = make(0.6);
  for (let batch = 0; batch < 20; batch++)
    expect(tally(order.take(batch * BATCH, BATCH))).toEqual([4, 2, 2, 2]);
});

test('a share that makes no whole rows is kept over batches', () => {
  expect(tally(make(0.25).take(0, 40 * BATCH))[0]).toBe(300);
});

test('no row comes twice before all of its class came', () => {
  const rows = make(0.6).take(0, 50 * BATCH);
  for (const label of [1, 2, 3]) {
    const own = rows.filter((row) => classOf(row) === label);
    expect(new Set(own).size).toBe(own.length);
  }
});

test('a class that lost is replayed more from then on, one that gained less', () => {
  const order = make();
  order.update(10, BEFORE, counts([40, 12, 10, 8]));
  const drawn = tally(order.take(10 * BATCH, 60 * BATCH));
  expect(drawn[0]).toBe(300);
  // The loss of two points counts double; the gain of two would be e^-1, but no weight falls below a half.
  const weights = [Math.exp(2), 1, 0.5];
  const total = weights.reduce((sum, weight) => sum + weight);
  weights.forEach((weight, index) => {
    expect(Math.abs(drawn[index + 1]! - (300 * weight) / total)).toBeLessThanOrEqual(2);
  });
});

test('weights stay within bounds, so no class is ever forgotten', () => {
  const order = make();
  for (let step = 0; step < 40; step++) order.update(step, BEFORE, counts([50, 100, 0, 0]));
  const drawn = tally(order.take(40 * BATCH, 1000 * BATCH));
  // Weights 100, 0.5 and 0.5.
  expect(drawn).toEqual([5000, expect.closeTo(4950, -1), expect.closeTo(25, -1), expect.closeTo(25, -1)]);
});

test('rows depend on their position and on the checks before it, not on how they are taken', () => {
  const [whole, parts] = [make(), make()];
  for (const order of [whole, parts]) order.update(5, BEFORE, counts([50, 15, 10, 10]));
  const expected = whole.take(0, 20 * BATCH);
  expect([...parts.take(3, 50), ...parts.take(53, 100)]).toEqual([...expected.slice(3, 153)]);
  expect(parts.take(0, 10)).toEqual(expected.slice(0, 10));
  expect(parts.take(190, 10)).toEqual(expected.slice(190));
});

test('a check leaves the rows before it as they were', () => {
  const order = make();
  const before = order.take(0, 7 * BATCH);
  order.update(7, BEFORE, counts([50, 15, 10, 10]));
  expect(order.take(0, 7 * BATCH)).toEqual(before);
});

test('another seed gives other rows', () => {
  expect(make(0.5, 4).take(0, 20)).not.toEqual(make(0.5, 3).take(0, 20));
});

test('a share of nothing or of all is refused', () => {
  for (const share of [0, 1, Number.NaN]) expect(() => make(share)).toThrow(RangeError);
});

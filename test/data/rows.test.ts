import { describe, expect, test } from 'vitest';
import {
  type ImageDataset,
  replaySampler,
  rowsOfLabels,
  selectRows,
  shuffledSampler,
  splitRows,
} from '../../src/mnist-data-loader/index.ts';

const labels = Uint8Array.from({ length: 100 }, (_, row) => (row < 70 ? row % 2 : 2));
const dataset: ImageDataset = {
  images: Uint8Array.from({ length: 200 }, (_, pixel) => pixel),
  labels,
  count: 100,
  height: 1,
  width: 2,
  classes: 4,
};
const sorted = (rows: Int32Array) => [...rows].sort((one, other) => one - other);

describe('rowOrder', () => {
  test('goes over every row once in each epoch, every epoch in another order', () => {
    const order = shuffledSampler({ rows: Int32Array.of(3, 5, 8, 13, 21, 34, 55, 89), seed: 1 });
    const first = order.take(0, 8);
    const second = order.take(8, 8);
    expect(sorted(first)).toEqual([3, 5, 8, 13, 21, 34, 55, 89]);
    expect(sorted(second)).toEqual(sorted(first));
    expect(second).not.toEqual(first);
  });

  test('gives the same rows at a position however it got there', () => {
    const whole = shuffledSampler({ rows: 7, seed: 3 }).take(0, 40);
    for (const start of [0, 6, 7, 8, 20, 39]) {
      expect(shuffledSampler({ rows: 7, seed: 3 }).take(start, 40 - start)).toEqual(whole.subarray(start));
    }
    const back = shuffledSampler({ rows: 7, seed: 3 });
    back.take(30, 5);
    expect(back.take(0, 40)).toEqual(whole);
  });

  test('depends on the seed and the stream', () => {
    const take = (seed: number, stream: number) => shuffledSampler({ rows: 50, seed, stream }).take(0, 50);
    expect(take(0, 0)).toEqual(take(0, 0));
    expect(take(0, 0)).not.toEqual(take(1, 0));
    expect(take(0, 0)).not.toEqual(take(0, 1));
  });

  test('stays the same from release to release', () => {
    expect([...shuffledSampler({ rows: 10, seed: 0 }).take(0, 10)]).toEqual([7, 9, 2, 3, 5, 1, 8, 4, 0, 6]);
  });

  test('refuses no rows', () => {
    for (const rows of [new Int32Array(), 0, 1.5, Number.NaN])
      expect(() => shuffledSampler({ rows, seed: 0 })).toThrowError('whole number of at least 1');
    expect(() => shuffledSampler({ rows: 3, seed: 0 }).take(-1, 2)).toThrowError('2 rows from position -1');
    expect(() => shuffledSampler({ rows: 3, seed: 0 }).take(0, 1.5)).toThrowError('1.5 rows from position 0');
  });
});

describe('replayOrder', () => {
  const rows = rowsOfLabels(dataset, [2]);
  const replayRows = rowsOfLabels(dataset, [0, 1]);
  const order = (share: number, batchSize = 10) =>
    replaySampler({ rows, replayRows, share, batchSize, seed: 5 });
  const replayedIn = (batch: Int32Array) => batch.filter((row) => row < 70).length;

  test('takes the share of every batch from the rows to replay', () => {
    for (let batch = 0; batch < 20; batch++) expect(replayedIn(order(0.3).take(batch * 10, 10))).toBe(3);
  });

  test('keeps a share that is no whole number of examples over many batches', () => {
    const counts = Array.from({ length: 100 }, (_, batch) => replayedIn(order(0.25).take(batch * 10, 10)));
    expect(new Set(counts)).toEqual(new Set([2, 3]));
    expect(counts.reduce((sum, count) => sum + count)).toBe(250);
  });

  test('sees both sets wholly, in epochs of their own', () => {
    const taken = order(0.7).take(0, 100);
    expect(sorted(taken)).toEqual(Array.from({ length: 100 }, (_, row) => row));
  });

  test('gives the same rows at a position however it got there', () => {
    const whole = order(0.35, 7).take(0, 300);
    for (const start of [0, 1, 7, 69, 150, 299]) {
      expect(order(0.35, 7).take(start, 300 - start)).toEqual(whole.subarray(start));
      expect(order(0.35, 7).take(start, 1)).toEqual(whole.subarray(start, start + 1));
    }
  });

  test('is the plain order where nothing is replayed', () => {
    expect(order(0).take(0, 90)).toEqual(shuffledSampler({ rows, seed: 5 }).take(0, 90));
  });

  test('refuses a share that leaves nothing to train on', () => {
    for (const share of [1, -0.1, Number.NaN]) expect(() => order(share)).toThrowError('outside [0, 1)');
  });
});

describe('rows of a data set', () => {
  test('are found by label', () => {
    expect([...rowsOfLabels(dataset, [1])].slice(0, 3)).toEqual([1, 3, 5]);
    expect(rowsOfLabels(dataset, [0, 2]).length).toBe(65);
    expect(rowsOfLabels(dataset, [3]).length).toBe(0);
  });

  test('are copied with their labels into a set of their own', () => {
    for (const row of [-1, 0.5, dataset.count])
      expect(() => selectRows(dataset, [0, row])).toThrowError(`row ${row} is outside the data`);
    const part = selectRows(dataset, [99, 0]);
    expect(part).toMatchObject({ count: 2, height: 1, width: 2, classes: 4 });
    expect([...part.images]).toEqual([198, 199, 0, 1]);
    expect([...part.labels]).toEqual([2, 0]);
    part.images[0] = 7;
    expect(dataset.images[198]).toBe(198);
  });

  test('are split with the same share of every class', () => {
    const { kept, heldOut } = splitRows(dataset, { share: 0.2, seed: 0 });
    expect(sorted(Int32Array.of(...kept, ...heldOut))).toEqual(Array.from({ length: 100 }, (_, row) => row));
    expect([0, 1, 2].map((label) => heldOut.filter((row) => labels[row] === label).length)).toEqual([
      7, 7, 6,
    ]);
    expect([...kept]).toEqual(sorted(kept));
    expect(splitRows(dataset, { share: 0.2, seed: 0 }).heldOut).toEqual(heldOut);
    expect(splitRows(dataset, { share: 0.2, seed: 1 }).heldOut).not.toEqual(heldOut);
    for (const share of [-0.1, 1.5, Number.NaN])
      expect(() => splitRows(dataset, { share, seed: 0 })).toThrowError('outside [0, 1]');
  });

  test('are split within the rows that are given', () => {
    const rows = rowsOfLabels(dataset, [2]);
    const { kept, heldOut } = splitRows(dataset, { share: 0.5, seed: 0, rows });
    expect(sorted(Int32Array.of(...kept, ...heldOut))).toEqual([...rows]);
    expect(heldOut.length).toBe(15);
  });
});

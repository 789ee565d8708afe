import { describe, expect, test } from 'vitest';
import { replaySampler, rowsOfLabels, shuffledSampler } from '../../src/data/index.ts';
import { range, sorted, stripedSet } from './striped-set.ts';

describe('shuffledSampler', () => {
  test('returns every row once per epoch, in a new order each epoch', () => {
    const rows = [3, 5, 8, 13, 21, 34, 55, 89];
    const sampler = shuffledSampler({ rows: Int32Array.from(rows), seed: 1 });
    const first = sampler.take(0, 8);
    const second = sampler.take(8, 8);
    expect(sorted(first)).toEqual(rows);
    expect(sorted(second)).toEqual(rows);
    expect(second).not.toEqual(first);
  });

  test('returns the same rows at a position, whatever was read before', () => {
    const whole = shuffledSampler({ rows: 7, seed: 3 }).take(0, 40);
    for (const start of [0, 6, 7, 8, 20, 39]) {
      expect(shuffledSampler({ rows: 7, seed: 3 }).take(start, 40 - start)).toEqual(whole.subarray(start));
    }
    const sampler = shuffledSampler({ rows: 7, seed: 3 });
    sampler.take(30, 5);
    expect(sampler.take(0, 40)).toEqual(whole);
  });

  test('depends on the seed and the stream', () => {
    const take = (seed: number, stream: number) => shuffledSampler({ rows: 50, seed, stream }).take(0, 50);
    expect(take(0, 0)).toEqual(take(0, 0));
    expect(take(0, 0)).not.toEqual(take(1, 0));
    expect(take(0, 0)).not.toEqual(take(0, 1));
  });

  test('returns the same order in every release', () => {
    expect([...shuffledSampler({ rows: 10, seed: 0 }).take(0, 10)]).toEqual([7, 9, 2, 3, 5, 1, 8, 4, 0, 6]);
  });

  test('orders rows as it orders their indices', () => {
    const rows = Int32Array.from({ length: 100 }, (_, index) => 3 * index + 7);
    const indices = shuffledSampler({ rows: 100, seed: 4 }).take(0, 250);
    expect(shuffledSampler({ rows, seed: 4 }).take(0, 250)).toEqual(indices.map((index) => rows[index]!));
    expect([...rows.subarray(0, 3)]).toEqual([7, 10, 13]);
  });

  test('repeats a single row', () => {
    expect([...shuffledSampler({ rows: 1, seed: 0 }).take(5, 3)]).toEqual([0, 0, 0]);
  });

  test('rejects an invalid number of rows, or position', () => {
    for (const rows of [new Int32Array(), 0, 1.5, Number.NaN])
      expect(() => shuffledSampler({ rows, seed: 0 })).toThrowError('whole number of at least 1');
    const sampler = shuffledSampler({ rows: 3, seed: 0 });
    expect(() => sampler.take(-1, 2)).toThrowError('2 rows from position -1');
    expect(() => sampler.take(0, 1.5)).toThrowError('1.5 rows from position 0');
  });
});

describe('replaySampler', () => {
  const dataset = stripedSet();
  const rows = rowsOfLabels(dataset, [2]);
  const replayRows = rowsOfLabels(dataset, [0, 1]);
  const replay = (fraction: number, batchSize = 10) =>
    replaySampler({ rows, replayRows, fraction, batchSize, seed: 5 });
  const countReplayed = (batch: Int32Array) => batch.filter((row) => dataset.labels[row] !== 2).length;

  test('takes the fraction of every batch from the rows to replay', () => {
    const sampler = replay(0.3);
    for (let batch = 0; batch < 20; batch++) expect(countReplayed(sampler.take(batch * 10, 10))).toBe(3);
  });

  test('keeps the fraction on average if it is not a whole number of examples', () => {
    const sampler = replay(0.25);
    const counts = range(100).map((batch) => countReplayed(sampler.take(batch * 10, 10)));
    expect(new Set(counts)).toEqual(new Set([2, 3]));
    expect(counts.reduce((sum, count) => sum + count)).toBe(250);
  });

  test('goes through each set in epochs of its own', () => {
    // 70 of 100 examples are replayed: one epoch of the 30 rows and of the 70 rows to replay.
    expect(sorted(replay(0.7).take(0, 100))).toEqual(range(100));
  });

  test('returns the same rows at a position, whatever was read before', () => {
    const whole = replay(0.35, 7).take(0, 300);
    for (const start of [0, 1, 7, 69, 150, 299]) {
      expect(replay(0.35, 7).take(start, 300 - start)).toEqual(whole.subarray(start));
      expect(replay(0.35, 7).take(start, 1)).toEqual(whole.subarray(start, start + 1));
    }
  });

  test('with fraction 0 returns the same order as shuffledSampler', () => {
    expect(replay(0).take(0, 90)).toEqual(shuffledSampler({ rows, seed: 5 }).take(0, 90));
  });

  test('rejects fractions outside 0 to 1, and 1 itself', () => {
    for (const fraction of [1, -0.1, Number.NaN])
      expect(() => replay(fraction)).toThrowError('outside [0, 1)');
  });
});

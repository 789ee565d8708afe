import { createHash } from 'node:crypto';
import { expect, test } from 'vitest';
import { countByLabel, dataHash, rowsOfLabels, selectRows } from '../../src/data/index.ts';
import { stripedSet } from './striped-set.ts';

const dataset = stripedSet();

test('rowsOfLabels returns the rows of the given labels in ascending order', () => {
  expect([...rowsOfLabels(dataset, [1])].slice(0, 3)).toEqual([1, 3, 5]);
  expect(rowsOfLabels(dataset, [0, 2]).length).toBe(65);
  expect(rowsOfLabels(dataset, [3]).length).toBe(0);
});

test('countByLabel counts the images of each class', () => {
  expect(countByLabel(dataset)).toEqual([35, 35, 30, 0]);
});

test('selectRows copies images and labels in the given order', () => {
  const part = selectRows(dataset, [99, 0]);
  expect(part).toMatchObject({ count: 2, height: 1, width: 2, classes: 4 });
  expect([...part.images]).toEqual([198, 199, 0, 1]);
  expect([...part.labels]).toEqual([2, 0]);
  part.images[0] = 7;
  expect(dataset.images[198]).toBe(198);
});

test('selectRows rejects rows outside the data', () => {
  for (const row of [-1, 0.5, dataset.count])
    expect(() => selectRows(dataset, [0, row])).toThrowError(`row ${row} is outside the data`);
});

test('dataHash is the SHA-256 of size, pixels and labels, and differs if any of them does', () => {
  const set = { ...stripedSet(), count: 2, height: 1, width: 3, classes: 2 };
  const dataset = { ...set, images: Uint8Array.of(1, 2, 3, 4, 5, 6), labels: Uint8Array.of(0, 1) };
  const expected = createHash('sha256')
    .update('2 1 3\n')
    .update(Uint8Array.of(1, 2, 3, 4, 5, 6, 0, 1));
  expect(dataHash(dataset)).toBe(expected.digest('hex'));
  const others = [
    { ...dataset, images: Uint8Array.of(1, 2, 3, 4, 6, 5) },
    { ...dataset, labels: Uint8Array.of(1, 0) },
    { ...dataset, height: 3, width: 1 },
    selectRows(dataset, [1, 0]),
  ];
  expect(new Set([dataset, ...others].map(dataHash)).size).toBe(5);
});

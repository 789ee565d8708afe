import { expect, test } from 'vitest';
import { rowsOfLabels, selectRows } from '../../src/data/index.ts';
import { stripedSet } from './striped-set.ts';

const dataset = stripedSet();

test('rowsOfLabels returns the rows of the given labels in ascending order', () => {
  expect([...rowsOfLabels(dataset, [1])].slice(0, 3)).toEqual([1, 3, 5]);
  expect(rowsOfLabels(dataset, [0, 2]).length).toBe(65);
  expect(rowsOfLabels(dataset, [3]).length).toBe(0);
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

import { describe, expect, test } from 'vitest';
import { rowsOfLabels, splitRows, subsetOf } from '../../src/data/index.ts';
import { range, sorted, stripedSet } from './striped-set.ts';

const dataset = stripedSet();

describe('splitRows', () => {
  test('puts the same fraction of every class into validation', () => {
    const { train, validation } = splitRows(dataset, { fraction: 0.2, seed: 0 });
    expect(sorted([...train, ...validation])).toEqual(range(100));
    const perLabel = [0, 1, 2].map(
      (label) => validation.filter((row) => dataset.labels[row] === label).length,
    );
    expect(perLabel).toEqual([7, 7, 6]);
    expect([...train]).toEqual(sorted(train));
    expect([...validation]).toEqual(sorted(validation));
  });

  test('gives the same split for the same seed only', () => {
    const validationOf = (seed: number) => splitRows(dataset, { fraction: 0.2, seed }).validation;
    expect(validationOf(0)).toEqual(validationOf(0));
    expect(validationOf(0)).not.toEqual(validationOf(1));
  });

  test('gives the same split in every release', () => {
    const { validation } = splitRows(dataset, { fraction: 0.1, seed: 0 });
    expect([...validation]).toEqual([1, 4, 13, 16, 23, 31, 52, 66, 72, 77, 79]);
  });

  test('divides only the given rows', () => {
    const rows = rowsOfLabels(dataset, [2]);
    const { train, validation } = splitRows(dataset, { fraction: 0.5, seed: 0, rows });
    expect(sorted([...train, ...validation])).toEqual([...rows]);
    expect(validation.length).toBe(15);
  });

  test('rejects fractions outside 0 to 1', () => {
    for (const fraction of [-0.1, 1.5, Number.NaN])
      expect(() => splitRows(dataset, { fraction, seed: 0 })).toThrowError('outside [0, 1]');
  });
});

test('splitRows puts no row or every row into validation for a fraction of 0 or 1', () => {
  expect(splitRows(dataset, { fraction: 0, seed: 0 }).validation).toHaveLength(0);
  expect(splitRows(dataset, { fraction: 1, seed: 0 }).train).toHaveLength(0);
});

describe('subsetOf', () => {
  test('takes all images of a class that has no more than asked for', () => {
    const subset = subsetOf(dataset, { labels: [0, 2], perClass: 30, seed: 0 });
    expect([...subset.labels].filter((label) => label === 2)).toHaveLength(30);
    expect([...subset.labels].filter((label) => label === 0)).toHaveLength(30);
    expect(subsetOf(dataset, { seed: 0 })).toEqual(dataset);
  });

  test('rejects labels that are not classes of the data set', () => {
    expect(() => subsetOf(dataset, { labels: [0, 4], seed: 0 })).toThrowError(
      'label 4: not one of the 4 classes, 0 to 3',
    );
  });

  test('draws the same images for the same seed, in the order they had', () => {
    const imagesOf = (seed: number) => subsetOf(dataset, { labels: [0, 2], perClass: 5, seed });
    const subset = imagesOf(0);
    expect([...subset.labels]).toEqual([0, 0, 0, 0, 0, 2, 2, 2, 2, 2]);
    expect([...subset.images]).toEqual(sorted(subset.images));
    expect(imagesOf(0)).toEqual(subset);
    expect(imagesOf(1).images).not.toEqual(subset.images);
  });

  test('draws the same images in every release', () => {
    const { images } = subsetOf(dataset, { perClass: 2, seed: 0 });
    expect([...images]).toEqual([24, 25, 48, 49, 78, 79, 126, 127, 154, 155, 176, 177]);
  });

  test('takes all images of a class that has fewer', () => {
    expect(subsetOf(dataset, { perClass: 33, seed: 0 }).count).toBe(33 + 33 + 30);
    expect(subsetOf(dataset, { seed: 0 })).toEqual(dataset);
  });
});

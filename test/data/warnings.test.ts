import { describe, expect, test } from 'vitest';
import { datasetWarnings, type ImageDataset, overlapWarnings, sharedRows } from '../../src/data/index.ts';

/** Images of 1 x 2 pixels, with labels 0, 1, 0, 1, ... of two classes. */
function setOf(images: readonly (readonly [number, number])[], classes = 2): ImageDataset {
  return {
    images: Uint8Array.from(images.flat()),
    labels: Uint8Array.from(images, (_, row) => row % 2),
    count: images.length,
    height: 1,
    width: 2,
    classes,
  };
}

describe('datasetWarnings', () => {
  test('is empty for a set without findings', () => {
    expect(
      datasetWarnings(
        setOf([
          [0, 2],
          [2, 0],
        ]),
        'train',
      ),
    ).toEqual([]);
  });

  test('names labels without images', () => {
    const set = setOf(
      [
        [0, 2],
        [2, 0],
      ],
      4,
    );
    expect(datasetWarnings(set, 'train')).toEqual(['train: no images of label 2, 3']);
  });

  test('names images whose pixels are all equal', () => {
    const one = setOf([
      [0, 9],
      [7, 7],
      [9, 0],
    ]);
    expect(datasetWarnings(one, 'test')).toEqual(['test: row 1 is blank (all pixels are equal)']);
    const five = setOf([
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
    ]);
    expect(datasetWarnings(five, 'test')).toEqual([
      'test: 5 rows (0, 1, 2, 3, 4) are blank (all pixels are equal)',
    ]);
    const six = setOf([
      [0, 0],
      [1, 1],
      [2, 2],
      [3, 3],
      [4, 4],
      [5, 5],
    ]);
    expect(datasetWarnings(six, 'test')).toEqual([
      'test: 6 rows (0, 1, 2, 3, 4, ...) are blank (all pixels are equal)',
    ]);
  });

  test('finds pixels that were scaled to 0 to 1', () => {
    expect(
      datasetWarnings(
        setOf([
          [0, 1],
          [1, 0],
        ]),
        'train',
      ),
    ).toEqual(['train: no pixel is above 1; pixels range from 0 to 255, so multiply them by 255']);
  });
});

describe('sharedRows', () => {
  test('returns the test rows whose image is in the training set, with any label', () => {
    const train = setOf([
      [1, 2],
      [3, 4],
      [1, 2],
    ]);
    const test = setOf([
      [3, 4],
      [2, 1],
      [1, 2],
      [1, 3],
    ]);
    expect(sharedRows(train, test)).toEqual([0, 2]);
    expect(overlapWarnings(train, test)).toEqual(['test: 2 rows (0, 2) are also in train']);
    expect(
      overlapWarnings(
        train,
        setOf([
          [4, 3],
          [2, 2],
        ]),
      ),
    ).toEqual([]);
  });
});

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

/** Images of rows of pixels, of one class. */
function drawings(...images: readonly (readonly (readonly number[])[])[]): ImageDataset {
  return {
    images: Uint8Array.from(images.flat(2)),
    labels: new Uint8Array(images.length),
    count: images.length,
    height: images[0]!.length,
    width: images[0]![0]!.length,
    classes: 1,
  };
}

/** An image of 8 x 12 pixels: a rectangle of this size and lightness on a background. */
function rectangle(height: number, width: number, { pixel = 255, background = 0, top = 2, left = 3 } = {}) {
  return Array.from({ length: 8 }, (_, row) =>
    Array.from({ length: 12 }, (_, column) =>
      row >= top && row < top + height && column >= left && column < left + width ? pixel : background,
    ),
  );
}

describe('datasetWarnings about drawings', () => {
  const wide = (height: string, width: string) =>
    `x: drawings are wider than tall (${width} x ${height} pixels), so they may be transposed as in EMNIST; ` +
    "adjust them with 'transpose'";
  const dark = "x: drawings are dark on light, those of MNIST light on dark; adjust them with 'invert'";

  test.each([
    ['as wide as tall', [rectangle(4, 4)], []],
    ['a little wider', [rectangle(7, 8, { top: 1 })], []], // 1.14 times
    ['1.25 times wider', [rectangle(4, 5)], [wide('4.0', '5.0')]],
    ['at the right and lower edge', [rectangle(3, 9, { top: 5, left: 3 })], [wide('3.0', '9.0')]],
    ['in the first row only', [rectangle(1, 6, { top: 0 })], [wide('1.0', '6.0')]],
    ['wider on average', [rectangle(6, 2), rectangle(2, 10, { left: 1 })], [wide('4.0', '6.0')]],
    ['taller on average', [rectangle(6, 4), rectangle(2, 4)], []],
    ['as light as the background, up to 63 levels', [rectangle(2, 8, { pixel: 63 }), rectangle(4, 4)], []],
    ['64 levels lighter', [rectangle(2, 8, { pixel: 64 }), rectangle(4, 4)], [wide('3.0', '6.0')]],
    ['dark on light', [rectangle(4, 4, { pixel: 0, background: 255 })], [dark]],
    ['dark on light grey', [rectangle(4, 4, { pixel: 0, background: 128 })], [dark]],
    ['dark on grey', [rectangle(4, 4, { pixel: 0, background: 127 })], []],
  ])('that are %s', (_, images, expected) => {
    expect(datasetWarnings(drawings(...images), 'x')).toEqual(expected);
  });

  test('leave out blank images in the mean size', () => {
    expect(datasetWarnings(drawings(rectangle(4, 5), rectangle(0, 0)), 'x')).toEqual([
      'x: row 1 is blank (all pixels are equal)',
      wide('4.0', '5.0'),
    ]);
  });

  test('count the pixels of the border only, and need more than half of them', () => {
    const image = (lightBorder: number) => {
      const border = [0, 1, 2, 3, 5, 6, 8, 9, 10, 11];
      const light = new Set([4, 7, ...border.slice(0, lightBorder)]);
      return Array.from({ length: 4 }, (_, row) =>
        [0, 1, 2].map((column) => (light.has(3 * row + column) ? 200 : 9)),
      );
    };
    const isDark = (...borders: number[]) =>
      datasetWarnings(drawings(...borders.map(image)), 'x').includes(dark);
    expect([isDark(0), isDark(5), isDark(6), isDark(10)]).toEqual([false, false, true, true]);
    expect([isDark(10, 0), isDark(10, 1), isDark(1, 10)]).toEqual([false, true, true]);
  });

  test('count whole rows above and below, and the ends of the rows between', () => {
    const [dim, lit] = [9, 200];
    const ends = [dim, lit, lit, lit, lit, lit, lit, dim]; // 12 of 18 border pixels
    const right = Array.from({ length: 6 }, () => [dim, dim, lit]); // 10 of 18
    for (const image of [
      [ends, new Array<number>(8).fill(dim), ends],
      [[dim, lit, lit], ...right, [dim, lit, lit]],
    ])
      expect(datasetWarnings(drawings(image), 'x')).toContain(dark);
  });
});

describe('sharedRows', () => {
  test('distinguishes different images with the same hash', () => {
    // Both have the FNV-1a hash 0xd364e99b.
    const [first, second] = [[[190, 97, 33, 45, 37, 148]], [[148, 183, 150, 198, 112, 209]]];
    const [one, other] = [drawings(first), drawings(second)];
    expect(sharedRows(one, other)).toEqual([]);
    expect(sharedRows(drawings(first, second), other)).toEqual([0]);
    expect(sharedRows(drawings(second, first), drawings(first, second, first))).toEqual([0, 1, 2]);
  });

  test('compares whole images', () => {
    const train = drawings([[1, 2, 3, 4]]);
    for (let pixel = 0; pixel < 4; pixel++) {
      const changed = [1, 2, 3, 4];
      changed[pixel]! += 1;
      expect(sharedRows(train, drawings([changed]))).toEqual([]);
    }
  });

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

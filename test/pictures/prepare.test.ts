import { beforeAll, describe, expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { findMnist, type ImageDataset, loadSplit } from '../../src/mnist-data-loader/index.ts';
import { type Picture, prepareDigit } from '../../src/pictures/index.ts';
import { enlarged, picture } from '../helpers/pictures.ts';

const size = { height: 28, width: 28 };
let testSet: ImageDataset;
const image = (row: number) => testSet.images.subarray(784 * row, 784 * (row + 1));

beforeAll(async () => {
  testSet = (await loadSplit(await findMnist(), 'test')).dataset;
});

function prepared(drawing: Picture): Uint8Array {
  return prepareDigit(drawing, size, 'x.png');
}

/** Mean difference in shade, 0..255. */
function difference(one: Uint8Array, other: Uint8Array): number {
  return one.reduce((sum, shade, pixel) => sum + Math.abs(shade - other[pixel]!), 0) / one.length;
}

/** Bounding box and centre of mass. */
function placement(pixels: Uint8Array) {
  let [mass, across, down, left, right, top, bottom] = [0, 0, 0, 28, -1, 28, -1];
  for (const [index, shade] of pixels.entries()) {
    if (shade === 0) continue;
    const [x, y] = [index % 28, Math.floor(index / 28)];
    [mass, across, down] = [mass + shade, across + shade * x, down + shade * y];
    [left, right, top, bottom] = [
      Math.min(left, x),
      Math.max(right, x),
      Math.min(top, y),
      Math.max(bottom, y),
    ];
  }
  return { width: right - left + 1, height: bottom - top + 1, x: across / mass, y: down / mass };
}

describe('prepareDigit', () => {
  test('leaves images of MNIST as they are, and turns black on white ones round', () => {
    for (let row = 0; row < 200; row++) {
      const pixels = image(row);
      expect(prepared(picture(28, 28, (x, y) => pixels[28 * y + x]!))).toEqual(pixels);
      expect(prepared(picture(28, 28, (x, y) => 255 - pixels[28 * y + x]!))).toEqual(pixels);
    }
  });

  test('gives back an image of MNIST from a large drawing of it anywhere on noisy paper', () => {
    for (let row = 0; row < 20; row++) {
      const ink = enlarged(image(row), 8, 60 - 5 * row, 3 * row - 20);
      const drawing = picture(260, 240, (x, y) => 230 - 0.8 * ink(x, y) + ((7919 * x + 104729 * y) % 13));
      expect(difference(prepared(drawing), image(row))).toBeLessThan(14);
    }
  });

  test('takes the same drawing for the same, in any colours', () => {
    const ink = enlarged(image(0), 8, 20, 0);
    const drawn = (color: (share: number) => readonly number[]) =>
      prepared(picture(240, 240, (x, y) => color(ink(x, y) / 255)));
    const reference = drawn((share) => [255 * (1 - share), 255 * (1 - share), 255 * (1 - share), 255]);
    const mixed = (from: readonly number[], to: readonly number[]) => (share: number) =>
      from.map((level, channel) => level + share * (to[channel]! - level));
    for (const color of [
      mixed([0, 0, 0, 255], [255, 255, 255, 255]),
      mixed([255, 255, 255, 255], [255, 255, 0, 255]),
      mixed([20, 80, 20, 255], [240, 240, 200, 255]),
      mixed([0, 0, 0, 0], [0, 0, 0, 255]),
      mixed([255, 255, 255, 0], [255, 255, 255, 255]),
    ]) {
      expect(difference(drawn(color), reference)).toBeLessThan(0.5);
    }
  });

  test('ignores the colours that transparent pixels have', () => {
    const ink = enlarged(image(0), 8, 20, 0);
    const onto = (paper: (x: number, y: number) => readonly number[]) =>
      prepared(picture(240, 240, (x, y) => (ink(x, y) > 127 ? [0, 0, 0, 255] : paper(x, y))));
    expect(onto((x, y) => [x, y, 255 - x, 0])).toEqual(onto(() => [0, 0, 0, 0]));
  });

  test('fits the drawing in 20x20 pixels with its proportions, its centre of mass in the middle', () => {
    for (const [width, height] of [
      [30, 90],
      [400, 100],
      [6, 6],
    ] as const) {
      const bar = picture(500, 300, (x, y) =>
        x >= 50 && x < 50 + width && y >= 9 && y < 9 + height ? 0 : 255,
      );
      const { width: across, height: down, x, y } = placement(prepared(bar));
      const scale = 20 / Math.max(width, height);
      expect([across, down]).toEqual([Math.round(width * scale), Math.round(height * scale)]);
      expect(Math.abs(x - 14)).toBeLessThanOrEqual(0.5);
      expect(Math.abs(y - 14)).toBeLessThanOrEqual(0.5);
    }
  });

  test('centres a small image by its mass, without pushing it over the edge', () => {
    const corner = picture(28, 28, (x, y) => ((x < 10 && y < 2) || (x === 0 && y < 20) ? 255 : 0));
    const { width, height } = placement(prepared(corner));
    expect([width, height]).toEqual([10, 20]);
  });

  test('does not let a speck of dust decide where the drawing ends', () => {
    const bar = (x: number, y: number) => x >= 40 && x < 60 && y >= 20 && y < 80;
    const clean = prepared(picture(200, 100, (x, y) => (bar(x, y) ? 0 : 255)));
    const dusty = prepared(picture(200, 100, (x, y) => (bar(x, y) || (x === 190 && y > 95) ? 0 : 255)));
    expect(dusty).toEqual(clean);
  });

  test('keeps a drawing that is all dots', () => {
    const dots = picture(300, 300, (x, y) => (x % 30 === 15 && y % 30 === 15 ? 0 : 255));
    const { width, height } = placement(prepared(dots));
    expect([width, height]).toEqual([20, 20]);
  });

  test('keeps a stroke of one pixel visible when it shrinks', () => {
    const line = prepared(picture(800, 800, (x, y) => (Math.abs(x - y) < 1 && x > 100 && x < 700 ? 0 : 255)));
    expect(Math.max(...line)).toBe(255);
    expect(line.filter((shade) => shade > 100).length).toBeGreaterThanOrEqual(20);
  });

  test('prepares for models of other sizes', () => {
    const bar = picture(90, 90, (x, y) => (x > 40 && x < 50 && y > 20 && y < 70 ? 0 : 255));
    expect(prepareDigit(bar, { height: 32, width: 16 }, 'x').length).toBe(512);
  });

  test('refuses a picture on which nothing can be seen', () => {
    for (const empty of [
      picture(50, 50, () => 255),
      picture(50, 50, (x) => 200 + (x % 10)),
      picture(1, 1, () => 0),
    ]) {
      expect(() => prepared(empty)).toThrowError(DataError);
      expect(() => prepared(empty)).toThrowError(
        /^x\.png: is empty: shades differ by \d+ of 255, at least 16/,
      );
    }
  });
});

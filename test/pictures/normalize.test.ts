import { beforeAll, describe, expect, test } from 'vitest';
import type { ImageDataset } from '../../src/data/index.ts';
import { DataError } from '../../src/errors.ts';
import { findMnist, loadSplit } from '../../src/mnist-data-loader/index.ts';
import { normalizeDigit, type Picture } from '../../src/pictures/index.ts';
import { enlarged, picture } from '../helpers/pictures.ts';

const size = { height: 28, width: 28 };
let testSet: ImageDataset;
const image = (row: number) => testSet.images.subarray(784 * row, 784 * (row + 1));

beforeAll(async () => {
  testSet = (await loadSplit(await findMnist(), 'test')).dataset;
});

function normalized(drawing: Picture): Uint8Array {
  return normalizeDigit(drawing, size, 'x.png');
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

describe('normalizeDigit', () => {
  test('returns images of MNIST unchanged, and inverts dark on light ones', () => {
    for (let row = 0; row < 200; row++) {
      const pixels = image(row);
      expect(normalized(picture(28, 28, (x, y) => pixels[28 * y + x]!))).toEqual(pixels);
      expect(normalized(picture(28, 28, (x, y) => 255 - pixels[28 * y + x]!))).toEqual(pixels);
    }
  });

  test('recovers an image of MNIST from a large drawing of it, anywhere on a noisy background', () => {
    for (let row = 0; row < 20; row++) {
      const ink = enlarged(image(row), 8, 60 - 5 * row, 3 * row - 20);
      const drawing = picture(260, 240, (x, y) => 230 - 0.8 * ink(x, y) + ((7919 * x + 104729 * y) % 13));
      expect(difference(normalized(drawing), image(row))).toBeLessThan(14);
    }
  });

  test('returns the same image for a drawing in any colours', () => {
    const ink = enlarged(image(0), 8, 20, 0);
    const drawn = (color: (share: number) => readonly number[]) =>
      normalized(picture(240, 240, (x, y) => color(ink(x, y) / 255)));
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

  test('ignores the colours of transparent pixels', () => {
    const ink = enlarged(image(0), 8, 20, 0);
    const onto = (paper: (x: number, y: number) => readonly number[]) =>
      normalized(picture(240, 240, (x, y) => (ink(x, y) > 127 ? [0, 0, 0, 255] : paper(x, y))));
    expect(onto((x, y) => [x, y, 255 - x, 0])).toEqual(onto(() => [0, 0, 0, 0]));
  });

  test('fits the drawing into 20x20 pixels with its proportions and centres its mass', () => {
    for (const [width, height] of [
      [30, 90],
      [400, 100],
      [6, 6],
    ] as const) {
      const bar = picture(500, 300, (x, y) =>
        x >= 50 && x < 50 + width && y >= 9 && y < 9 + height ? 0 : 255,
      );
      const { width: across, height: down, x, y } = placement(normalized(bar));
      const scale = 20 / Math.max(width, height);
      expect([across, down]).toEqual([Math.round(width * scale), Math.round(height * scale)]);
      expect(Math.abs(x - 14)).toBeLessThanOrEqual(0.5);
      expect(Math.abs(y - 14)).toBeLessThanOrEqual(0.5);
    }
  });

  test('does not push a drawing over the edge to centre its mass', () => {
    const corner = picture(28, 28, (x, y) => ((x < 10 && y < 2) || (x === 0 && y < 20) ? 255 : 0));
    const { width, height } = placement(normalized(corner));
    expect([width, height]).toEqual([10, 20]);
  });

  test('ignores a speckle far from the drawing', () => {
    const bar = (x: number, y: number) => x >= 40 && x < 60 && y >= 20 && y < 80;
    const clean = normalized(picture(200, 100, (x, y) => (bar(x, y) ? 0 : 255)));
    const dusty = normalized(picture(200, 100, (x, y) => (bar(x, y) || (x === 190 && y > 95) ? 0 : 255)));
    expect(dusty).toEqual(clean);
  });

  test('keeps a drawing that consists of dots', () => {
    const dots = picture(300, 300, (x, y) => (x % 30 === 15 && y % 30 === 15 ? 0 : 255));
    const { width, height } = placement(normalized(dots));
    expect([width, height]).toEqual([20, 20]);
  });

  test('keeps a stroke of one pixel visible when it is scaled down', () => {
    const line = normalized(
      picture(800, 800, (x, y) => (Math.abs(x - y) < 1 && x > 100 && x < 700 ? 0 : 255)),
    );
    expect(Math.max(...line)).toBe(255);
    expect(line.filter((shade) => shade > 100).length).toBeGreaterThanOrEqual(20);
  });

  test('returns images of other sizes', () => {
    const bar = picture(90, 90, (x, y) => (x > 40 && x < 50 && y > 20 && y < 70 ? 0 : 255));
    expect(normalizeDigit(bar, { height: 32, width: 16 }, 'x').length).toBe(512);
  });

  test('rejects an empty picture', () => {
    for (const empty of [
      picture(50, 50, () => 255),
      picture(50, 50, (x) => 200 + (x % 10)),
      picture(1, 1, () => 0),
    ]) {
      expect(() => normalized(empty)).toThrowError(DataError);
      expect(() => normalized(empty)).toThrowError(
        /^x\.png: the picture is empty: its shades differ by \d+ of 255, at least 16/,
      );
    }
  });
});

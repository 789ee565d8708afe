import { expect, test } from 'vitest';
import { adjustImages } from '../../src/data/index.ts';

const dataset = {
  images: Uint8Array.of(1, 2, 3, 4, 5, 6, 11, 12, 13, 14, 15, 255),
  labels: Uint8Array.of(0, 1),
  count: 2,
  height: 2,
  width: 3,
  classes: 2,
};

test('adjustImages transposes and inverts copies of the images', () => {
  expect(adjustImages(dataset, [])).toBe(dataset);
  const transposed = adjustImages(dataset, ['transpose']);
  expect(transposed).toMatchObject({ height: 3, width: 2, count: 2, labels: dataset.labels });
  expect([...transposed.images]).toEqual([1, 4, 2, 5, 3, 6, 11, 14, 12, 15, 13, 255]);
  expect(adjustImages(transposed, ['transpose'])).toEqual(dataset);
  const both = adjustImages(dataset, ['invert', 'transpose']);
  expect([...both.images]).toEqual([...transposed.images].map((pixel) => 255 - pixel));
  expect([...adjustImages(dataset, ['invert']).images]).toEqual([
    254, 253, 252, 251, 250, 249, 244, 243, 242, 241, 240, 0,
  ]);
  expect(dataset.images[0]).toBe(1);
});

import { expect, test } from 'vitest';
import { classifyImages } from '../../src/pictures/index.ts';

test('classifyImages predicts the likeliest class of each image, in order over several batches', async () => {
  const images = Array.from({ length: 2500 }, (_, row) => ({
    file: 'x',
    row,
    pixels: Uint8Array.of(row % 256, row >> 8),
  }));
  const batches: number[] = [];
  const predictions = await classifyImages(images, async (values, count) => {
    batches.push(count);
    const probabilities = new Float32Array(count * 2);
    for (let index = 0; index < count; index++) {
      const row = values[2 * index]! + 256 * values[2 * index + 1]!;
      probabilities.set([1 - row / 4096, row / 4096], 2 * index);
    }
    return probabilities;
  });
  expect(batches).toEqual([1000, 1000, 500]);
  expect(predictions.map(({ row }) => row)).toEqual(images.map(({ row }) => row));
  expect(predictions[2499]).toEqual({
    file: 'x',
    row: 2499,
    label: 1,
    probabilities: [1 - 2499 / 4096, 2499 / 4096],
  });
  expect(predictions[100]!.label).toBe(0);
});

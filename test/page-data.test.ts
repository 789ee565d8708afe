import { expect, test } from 'vitest';
import { packImages, shuffleBytes, unpackImages, unshuffleBytes } from '../src/page-data.ts';

test('shuffled bytes start with the fractions and end with the exponents, and come back', () => {
  const values = Float32Array.of(1, -1, 2, 0.1);
  const bytes = new Uint8Array(values.buffer);
  const shuffled = shuffleBytes(bytes);
  // IEEE 754: the biased exponents of 1, -1, 2 and 0.1; the signs are in the lowest bits.
  expect([...shuffled.subarray(12)]).toEqual([127, 127, 128, 123]);
  expect([...shuffled.subarray(0, 4)].map((byte) => byte & 1)).toEqual([0, 1, 0, 0]);
  expect(unshuffleBytes(shuffled)).toEqual(bytes);
});

test('packed images come back, with the bytes that follow them', () => {
  const pixels = Uint8Array.from({ length: 50 }, (_, index) => (index % 3 === 0 ? 0 : index * 5));
  const packed = packImages(pixels);
  const { pixels: unpacked, rest } = unpackImages(Uint8Array.of(...packed, 7, 8), 50);
  expect(unpacked).toEqual(pixels);
  expect([...rest]).toEqual([7, 8]);
  expect(packed.length).toBe(7 + pixels.filter((value) => value > 0).length);
});

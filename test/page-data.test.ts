import { expect, test } from 'vitest';
import { packImages, shuffleBytes, unpackImages, unshuffleBytes } from '../src/page-data.ts';

test('shuffled bytes are in the order of their place in a value, and come back', () => {
  const bytes = Uint8Array.of(1, 2, 3, 4, 11, 12, 13, 14);
  expect([...shuffleBytes(bytes)]).toEqual([1, 11, 2, 12, 3, 13, 4, 14]);
  expect(unshuffleBytes(shuffleBytes(bytes))).toEqual(bytes);
});

test('packed images come back, with the bytes that follow them', () => {
  const pixels = Uint8Array.from({ length: 50 }, (_, index) => (index % 3 === 0 ? 0 : index * 5));
  const packed = packImages(pixels);
  const { pixels: unpacked, rest } = unpackImages(Uint8Array.of(...packed, 7, 8), 50);
  expect(unpacked).toEqual(pixels);
  expect([...rest]).toEqual([7, 8]);
  expect(packed.length).toBe(7 + pixels.filter((value) => value > 0).length);
});

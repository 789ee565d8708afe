import { expect, test } from 'vitest';
import { alignedBytes } from '../../src/data/index.ts';

test.each([
  [0, 48],
  [16, 32],
  [48, 0],
  [64, 48],
  [100, 12],
])('with data at offset %i, the array starts at byte %i of its buffer', (offset, start) => {
  const bytes = alignedBytes(1000, offset);
  expect([bytes.length, bytes.byteOffset]).toEqual([1000, start]);
  expect(bytes.every((byte) => byte === 0)).toBe(true);
});

import type { ImageDataset } from '../../src/data/index.ts';

/** 100 images of two pixels: 35 of class 0, 35 of class 1 (alternating), then 30 of class 2; none of class 3. */
export function stripedSet(): ImageDataset {
  return {
    images: Uint8Array.from({ length: 200 }, (_, pixel) => pixel),
    labels: Uint8Array.from({ length: 100 }, (_, row) => (row < 70 ? row % 2 : 2)),
    count: 100,
    height: 1,
    width: 2,
    classes: 4,
  };
}

/** The rows in ascending order, as a plain array. */
export function sorted(rows: Iterable<number>): number[] {
  return [...rows].sort((a, b) => a - b);
}

/** The numbers 0 .. count - 1. */
export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

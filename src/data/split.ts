import { createRandom, permutation } from '../random.ts';
import type { ImageDataset } from './dataset.ts';

/**
 * Sets rows aside that training must not see, the same share of every class (rounded).
 *
 * @param share of each class to hold out, in (0, 1)
 * @param rows which rows to divide; all of them by default
 * @returns both parts in ascending order
 */
export function splitRows(
  dataset: ImageDataset,
  { share, seed, rows }: { share: number; seed: number; rows?: Int32Array },
): { kept: Int32Array; heldOut: Int32Array } {
  if (!(share >= 0 && share <= 1)) throw new RangeError(`share ${share} is outside [0, 1]`);
  const all = rows ?? Int32Array.from({ length: dataset.count }, (_, row) => row);
  const byLabel = new Map<number, number[]>();
  for (const row of all) {
    const label = dataset.labels[row]!;
    const members = byLabel.get(label);
    if (members) members.push(row);
    else byLabel.set(label, [row]);
  }
  const kept: number[] = [];
  const heldOut: number[] = [];
  for (const [label, members] of byLabel) {
    const held = Math.round(share * members.length);
    for (const [place, index] of permutation(
      members.length,
      createRandom(seed, label, SPLIT_STREAM),
    ).entries()) {
      (place < held ? heldOut : kept).push(members[index]!);
    }
  }
  return { kept: Int32Array.from(kept).sort(), heldOut: Int32Array.from(heldOut).sort() };
}

/** Keeps the split apart from the row orders of the same seed. */
const SPLIT_STREAM = 2;

import { createRandom, permutation } from '../random.ts';
import { type ImageDataset, rowsOfLabels, selectRows } from './dataset.ts';

/** Which images to keep. */
export interface SubsetOptions {
  /** Classes to keep; all by default. Their labels stay as they are. */
  readonly labels?: readonly number[];
  /** How many images of each class to keep, drawn at random; all by default, or where a class has fewer. */
  readonly perClass?: number;
  readonly seed: number;
}

/** A smaller set of its own, with its rows in the order they had. */
export function subsetOf(dataset: ImageDataset, { labels, perClass, seed }: SubsetOptions): ImageDataset {
  const wanted = labels ?? Array.from({ length: dataset.classes }, (_, label) => label);
  const rows = wanted.flatMap((label) => {
    const members = rowsOfLabels(dataset, [label]);
    if (perClass === undefined || members.length <= perClass) return [...members];
    const order = permutation(members.length, createRandom(seed, label, SUBSET_STREAM));
    return [...order.subarray(0, perClass)].map((index) => members[index]!);
  });
  return selectRows(dataset, Int32Array.from(rows).sort());
}

/** Keeps the draw apart from the row orders and splits of the same seed. */
const SUBSET_STREAM = 3;

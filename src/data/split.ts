import { checkOptions } from '../arguments.ts';
import { createRandom, permutation, STREAMS } from '../random.ts';
import { type ImageDataset, requireDataset, rowsOfLabels, selectRows } from './dataset.ts';
import { requireClasses } from './labels.ts';

/**
 * Divides rows into training and validation rows, the same fraction of every class (rounded), drawn at random.
 *
 * @param options.fraction fraction of each class that becomes validation, in [0, 1]
 * @param options.rows which rows to divide; all by default
 * @returns both parts in ascending order
 * @throws UsageError if an argument is not what its type says
 * @throws RangeError if `fraction` is outside that range
 */
export function splitRows(
  dataset: ImageDataset,
  options: { fraction: number; seed: number; rows?: Int32Array },
): { train: Int32Array; validation: Int32Array } {
  requireDataset('dataset', dataset);
  checkOptions(options, { fraction: 'number', seed: 'number', rows: 'numbers?' });
  const { fraction, seed, rows } = options;
  if (!(fraction >= 0 && fraction <= 1)) throw new RangeError(`fraction ${fraction} is outside [0, 1]`);
  const allRows = rows ?? Int32Array.from({ length: dataset.count }, (_, row) => row);
  const rowsByLabel = new Map<number, number[]>();
  for (const row of allRows) {
    const label = dataset.labels[row]!;
    const members = rowsByLabel.get(label);
    if (members) members.push(row);
    else rowsByLabel.set(label, [row]);
  }
  const train: number[] = [];
  const validation: number[] = [];
  for (const [label, members] of rowsByLabel) {
    const order = permutation(members.length, createRandom(seed, label, STREAMS.split));
    const validationCount = Math.round(fraction * members.length);
    order.forEach((index, position) => {
      const part = position < validationCount ? validation : train;
      part.push(members[index]!);
    });
  }
  return { train: Int32Array.from(train).sort(), validation: Int32Array.from(validation).sort() };
}

/** Which images `subsetOf` takes. */
export interface SubsetOptions {
  /** Classes to take; all by default. Labels are not renumbered. */
  readonly labels?: readonly number[];
  /** Number of images to draw from each class. All by default, and for a class that has fewer. */
  readonly perClass?: number;
  readonly seed: number;
}

/**
 * Returns a smaller data set with images drawn at random, in the order they had.
 *
 * @throws UsageError if an argument is not what its type says, or one of `labels` is not a class of the data set
 */
export function subsetOf(dataset: ImageDataset, options: SubsetOptions): ImageDataset {
  requireDataset('dataset', dataset);
  checkOptions(options, { labels: 'numbers?', perClass: 'number?', seed: 'number' });
  const { labels, perClass, seed } = options;
  if (labels) requireClasses(labels, dataset.classes);
  const selected = labels ?? Array.from({ length: dataset.classes }, (_, label) => label);
  const rows = selected.flatMap((label) => {
    const members = rowsOfLabels(dataset, [label]);
    if (perClass === undefined || members.length <= perClass) return [...members];
    const order = permutation(members.length, createRandom(seed, label, STREAMS.subset));
    return [...order.subarray(0, perClass)].map((index) => members[index]!);
  });
  return selectRows(dataset, Int32Array.from(rows).sort());
}

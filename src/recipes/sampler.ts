import { type ImageDataset, replaySampler, type Sampler } from '../data/index.ts';
import { DataError, UsageError } from '../errors.ts';
import type { LoadedTensorFlow } from '../tensorflow/index.ts';
import { type AdaptiveReplay, adaptiveReplay } from '../training/index.ts';
import type { Scope } from './scope.ts';
import type { FinetuneSettings } from './settings.ts';
import { trainingSampler } from './training-sampler.ts';

/**
 * The order in which fine-tuning takes its examples: the target classes, mixed with `replay` of the others. With a
 * guard the replayed classes are weighted by how much accuracy each has lost.
 *
 * @param rows the rows that may be trained on
 * @param tensorflow if it uses a GPU and nothing is replayed, a thread draws the orders
 * @param scope ends that thread
 * @throws DataError if no row has a target label
 * @throws UsageError if there are no other classes to replay
 */
export function targetSampler(
  train: ImageDataset,
  rows: Int32Array,
  { targetLabels, replay: fraction, guard, batchSize, seed }: FinetuneSettings,
  tensorflow: LoadedTensorFlow,
  scope: Scope,
): Sampler | AdaptiveReplay {
  const isTarget = (row: number) => targetLabels.length === 0 || targetLabels.includes(train.labels[row]!);
  const targetRows = rows.filter(isTarget);
  if (targetRows.length === 0) {
    throw new DataError(
      'invalid-data',
      `the training set has no example of ${targetLabels.join(', ')}; choose other labels`,
    );
  }
  if (fraction === 0) return trainingSampler({ rows: targetRows, seed }, tensorflow, scope);
  const otherRows = rows.filter((row) => !isTarget(row));
  if (otherRows.length === 0) {
    throw new UsageError(
      'no-other-classes',
      `replay ${fraction}: all classes are trained on, so there are no others to replay`,
    );
  }
  if (!guard) return replaySampler({ rows: targetRows, replayRows: otherRows, fraction, batchSize, seed });
  const labels = [...new Set(otherRows.map((row) => train.labels[row]!))].sort();
  const replayRows = new Map(
    labels.map((label) => [label, otherRows.filter((row) => train.labels[row] === label)]),
  );
  const { maxDrop } = guard;
  return adaptiveReplay({ rows: targetRows, replayRows, fraction, batchSize, seed, maxDrop });
}

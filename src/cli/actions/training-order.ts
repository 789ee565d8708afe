import { DataError, UsageError } from '../../errors.ts';
import {
  type ImageDataset,
  replaySampler,
  type Sampler,
  shuffledSampler,
} from '../../mnist-data-loader/index.ts';
import { type AdaptiveReplay, adaptiveReplay } from '../../training/index.ts';
import type { FinetuneOptions } from '../commands/finetune.ts';

/**
 * Rows of the target digits, with a share of the others; a guard steers which of those.
 *
 * @param allowed the rows that may be trained on
 */
export function trainingOrder(
  train: ImageDataset,
  allowed: Int32Array,
  targetLabels: readonly number[],
  options: FinetuneOptions,
): Sampler | AdaptiveReplay {
  const { seed, replay: share, batchSize, maxDrop } = options;
  const isTarget = (row: number) => targetLabels.length === 0 || targetLabels.includes(train.labels[row]!);
  const rows = allowed.filter(isTarget);
  if (rows.length === 0)
    throw new DataError('invalid-data', `the training set has no example of ${targetLabels.join(', ')}`);
  if (share === 0) return shuffledSampler({ rows, seed });
  const others = allowed.filter((row) => !isTarget(row));
  if (others.length === 0) {
    throw new UsageError(
      'invalid-argument',
      `--replay ${share}: there are no other digits; name those to tune with --digits`,
    );
  }
  if (maxDrop === undefined) return replaySampler({ rows, replayRows: others, share, batchSize, seed });
  const labels = [...new Set(others.map((row) => train.labels[row]!))].sort();
  const replayRows = new Map(
    labels.map((label) => [label, others.filter((row) => train.labels[row] === label)]),
  );
  return adaptiveReplay({ rows, replayRows, share, batchSize, seed, maxDrop: maxDrop / 100 });
}

/** Part of step 4 of the compiled engines (see engine.ts): finds changes of a task that its recorded step does not show. */
import type * as tf from '@tensorflow/tfjs';
import { type InputSpec, type Recording, record } from '../../graph/index.ts';
import { customParts } from '../custom-parts.ts';
import { batchArrays } from '../data.ts';
import { batchLoss } from '../loss-and-gradients.ts';
import { withSeededDropout } from '../random-ops/seeded-dropout.ts';
import type { TrainingTask } from '../task.ts';

/**
 * Returns a function that checks whether a task has changed since: its settings, or a value of JavaScript that its loss
 * uses. For the latter it runs the functions that the caller wrote once more, on zeros; see custom-parts.ts.
 */
export function watchTask(task: TrainingTask): () => boolean {
  const recorded = settingsOf(task);
  const custom = recordCustomParts(task);
  return () =>
    settingsOf(task).some((value, index) => value !== recorded[index]) || (custom?.hasChanged() ?? false);
}

const settingsOf = ({ loss, data, batchSize, seed, optimizer }: TrainingTask) => [
  loss,
  data,
  batchSize,
  seed,
  optimizer.clipNorm,
];

function recordCustomParts(task: TrainingTask): Recording | undefined {
  const { data, batchSize, seed } = task;
  const parts = customParts(task.loss);
  if (parts === 'none') return undefined;
  const batch = batchArrays(data).map(
    ({ featureShape, dtype }): InputSpec => ({ shape: [batchSize, ...featureShape], dtype }),
  );
  const step: InputSpec = { shape: [], dtype: 'int32' };
  const last = batch.length - 1;
  if (!parts) {
    return record(
      (stepNumber: tf.Tensor, ...tensors: tf.Tensor[]) => [
        batchLoss(task, { inputs: tensors.slice(0, last), labels: tensors[last]! }, stepNumber as tf.Scalar),
      ],
      [step, ...batch],
    );
  }
  return record(
    (stepNumber: tf.Tensor, predictions: tf.Tensor, ...tensors: tf.Tensor[]) =>
      withSeededDropout({ seed, step: stepNumber as tf.Scalar }, () =>
        parts.run(tensors.slice(0, last), tensors[last]!, predictions),
      ),
    [step, parts.predictions(), ...batch],
  );
}

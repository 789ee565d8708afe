import * as tf from '@tensorflow/tfjs';
import type { Sampler } from '../data/index.ts';
import { UsageError } from '../errors.ts';
import {
  type AdapterOptions,
  type InitOptions,
  injectLora,
  type LoraConfig,
  setAdapterStrength,
} from '../lora/index.ts';
import { type Normalization, normalize } from '../models/index.ts';
import type { Run, RunManifest } from '../runs/index.ts';
import { quote } from '../text/index.ts';
import { gatherBatch, type TrainingTask, withSeededDropout } from '../training/index.ts';
import { toJson } from './settings.ts';

/** Examples that `lora-ga` and `eva` look at: more than a batch, so that they are typical of the data. */
const INIT_EXAMPLES = 256;

/**
 * The adapted model of a run at full strength, or its base with a new adapter.
 *
 * @param lora the new adapter; for a run that has one, options that must be the same
 * @param options for a new adapter; for `init: 'lora-ga'` with the loss of `gradientInitLoss`, for
 *   `init: 'eva'` with the batch of `evaBatch`
 * @throws UsageError if `lora` sets an option that the run's adapter has fixed
 */
export function adaptedModel(
  { manifest, base, model }: Pick<Run, 'manifest' | 'base' | 'model'>,
  lora: LoraConfig,
  options: AdapterOptions,
): tf.LayersModel {
  const { adapter } = manifest;
  if (!adapter) return injectLora(base, lora, options);
  const recorded = recordedLora(manifest);
  for (const [name, value] of Object.entries(toJson(lora))) {
    const before = JSON.stringify(recorded[name]);
    if (name === 'seed' || JSON.stringify(value) === before) continue;
    throw new UsageError(
      'adapter-exists',
      before === undefined
        ? `${name}: the run has an adapter already; leave the option out, or start from a base`
        : `${name} ${plain(value)}: the run has an adapter of ${name} ${plain(recorded[name])}; ` +
            'leave the option out, or start from a base',
    );
  }
  setAdapterStrength(model, 1);
  return model;
}

/** What a manifest records of the adapter's configuration. */
function recordedLora({ command, options, adapter }: RunManifest): Readonly<Record<string, unknown>> {
  const { rank, alpha, method } = adapter!;
  // `finetune` records the configuration of an adapter that it added under `lora`.
  const lora = command === 'inject-lora' ? options : command === 'finetune' ? options.lora : {};
  return { ...(typeof lora === 'object' ? lora : {}), rank, alpha, method };
}

/** Text without quotes, other values as JSON. */
function plain(value: unknown): string {
  return typeof value === 'string' ? value : quote(value);
}

/**
 * The loss that `init: 'lora-ga'` takes the gradient of: the mean over the first examples that will be trained on.
 *
 * @param taskFor the training task of a model
 */
export function gradientInitLoss(
  sampler: Sampler,
  taskFor: (model: tf.LayersModel) => TrainingTask,
): NonNullable<InitOptions['loss']> {
  return (model) => {
    const task = taskFor(model);
    const { inputs, labels } = gatherBatch(task.data, sampler.take(0, INIT_EXAMPLES));
    return withSeededDropout({ seed: task.seed, step: 0 }, () => task.loss(inputs, labels));
  };
}

/**
 * Returns the inputs whose principal components `init: 'eva'` uses: the first images that will be trained on, normalized.
 *
 * @returns [examples, ...] float32, in the shape that the model takes
 */
export function evaBatch(sampler: Sampler, { data }: TrainingTask, normalization: Normalization): tf.Tensor {
  return tf.tidy(() => {
    const { inputs } = gatherBatch(data, sampler.take(0, INIT_EXAMPLES));
    return normalize(inputs[0]!, normalization);
  });
}

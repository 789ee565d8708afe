import type * as tf from '@tensorflow/tfjs';
import type { Sampler } from '../data/index.ts';
import { UsageError } from '../errors.ts';
import {
  type AdapterOptions,
  type InitOptions,
  injectLora,
  type LoraConfig,
  setAdapterStrength,
} from '../lora/index.ts';
import type { Run } from '../runs/index.ts';
import { gatherBatch, type TrainingTask, withSeededDropout } from '../training/index.ts';

/** Adapter options that `run.json` records. */
const RECORDED = ['rank', 'alpha', 'method'] as const;

/** Examples of the gradient for `lora-ga`: more than a batch, so that it is typical of the data. */
const INIT_EXAMPLES = 256;

/**
 * The adapted model of a run at full strength, or its base with a new adapter.
 *
 * @param lora the new adapter; for a run that has one, options that must be the same
 * @param options for a new adapter; the loss for `init: 'lora-ga'` is that of `gradientInitLoss`
 * @throws UsageError if `lora` sets an option that the run's adapter has fixed
 */
export function adaptedModel(
  { manifest, base, model }: Pick<Run, 'manifest' | 'base' | 'model'>,
  lora: LoraConfig,
  options: AdapterOptions,
): tf.LayersModel {
  const { adapter } = manifest;
  if (!adapter) return injectLora(base, lora, options);
  for (const [name, value] of Object.entries(lora)) {
    const recorded = RECORDED.find((option) => option === name);
    if (value === undefined || name === 'seed' || (recorded && adapter[recorded] === value)) continue;
    throw new UsageError(
      'adapter-exists',
      recorded
        ? `${name} ${value}: the run has an adapter of ${name} ${adapter[recorded]}; leave the option out, or start from a base`
        : `${name}: the run has an adapter already; leave the option out, or start from a base`,
    );
  }
  setAdapterStrength(model, 1);
  return model;
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

import type * as tf from '@tensorflow/tfjs';
import { TrainingError } from '../errors.ts';
import { requireLayersModel } from '../layers-model.ts';

/**
 * Returns the weights of a model by `layer/weight`, names that are the same in every process. `variable.name` is not:
 * tfjs makes it unique by counting, so the second model of a process gets other names. Equal names within the model
 * are numbered.
 */
export function modelWeights(model: tf.LayersModel): Map<string, tf.Variable> {
  requireLayersModel(model);
  const weights = new Map<string, tf.Variable>();
  for (const weight of model.weights) {
    let name = weight.originalName;
    for (let count = 1; weights.has(name); count++) name = `${weight.originalName}_${count}`;
    weights.set(name, weight.read() as tf.Variable);
  }
  return weights;
}

/**
 * Returns the trainable weights among `modelWeights`.
 *
 * @throws TrainingError if there are none
 */
export function trainableWeights(model: tf.LayersModel): Map<string, tf.Variable> {
  requireLayersModel(model);
  const trainable = trainableVariables(model);
  if (trainable.size === 0) {
    throw new TrainingError(
      'training-failed',
      'the model has no trainable weights; unfreeze a layer or inject LoRA first',
    );
  }
  return new Map([...modelWeights(model)].filter(([, variable]) => trainable.has(variable)));
}

/**
 * Checks that the trainable weights of a model are still those with which an engine was created. The optimizer keeps slots
 * for them, so that an engine cannot train others.
 *
 * @throws TrainingError if they are not
 */
export function requireSameTrainable(
  model: tf.LayersModel,
  trainable: ReadonlyMap<string, tf.Variable>,
): void {
  const current = trainableVariables(model);
  const frozen = [...trainable].find(([, variable]) => !current.has(variable));
  if (!frozen && current.size === trainable.size) return;
  const known = new Set(trainable.values());
  const [name] =
    frozen ?? [...modelWeights(model)].find(([, variable]) => current.has(variable) && !known.has(variable))!;
  throw new TrainingError(
    'training-failed',
    `weight '${name}': is ${frozen ? 'no longer' : 'now'} trainable, unlike when the engine was created; create a new engine`,
  );
}

function trainableVariables(model: tf.LayersModel): Set<tf.Variable> {
  const variables = model.trainableWeights.map((weight) => weight.read() as tf.Variable);
  return new Set(variables.filter(({ trainable }) => trainable));
}

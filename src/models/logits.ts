import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { requireLayersModel } from '../layers-model.ts';
import { namedLayers } from './named-layers.ts';
import { rebuild } from './rebuild.ts';

/** The layer that computes a model's first output; of nested models, the innermost. */
function outputLayer(model: tf.LayersModel): tf.layers.Layer {
  let layer: tf.layers.Layer = model.outputs[0]!.sourceLayer;
  while ('layers' in layer && 'outputs' in layer) {
    layer = (layer as unknown as tf.LayersModel).outputs[0]!.sourceLayer;
  }
  return layer;
}

function activationOf(layer: tf.layers.Layer): unknown {
  return layer.getClassName() === 'Softmax' ? 'softmax' : layer.getConfig().activation;
}

/**
 * Checks that a model's output is logits. The losses here apply the softmax themselves; a model that ends in one would
 * have it applied twice, and still train.
 *
 * @throws UsageError if the model, or the nested model at its end, ends in a softmax or a sigmoid
 */
export function requireLogits(model: tf.LayersModel): void {
  requireLayersModel(model);
  const layer = outputLayer(model);
  const activation = activationOf(layer);
  if (activation !== 'softmax' && activation !== 'sigmoid') return;
  throw new UsageError(
    'invalid-argument',
    `layer '${layer.name}': ends the model with a ${activation}, but logits are needed; give it a linear activation`,
  );
}

/**
 * Copies a model that ends in a softmax without it: the outputs are then logits, whose softmax is what the model returned.
 * The model itself does not change.
 *
 * @returns undefined if the model does not end in a softmax
 */
export function withoutSoftmax(
  model: tf.LayersModel,
): { readonly model: tf.LayersModel; readonly layer: string } | undefined {
  const layer = outputLayer(model);
  if (activationOf(layer) !== 'softmax') return undefined;
  const { path } = namedLayers(model).find((candidate) => candidate.layer === layer)!;
  const copy = rebuild(model, (candidate, node) => {
    if (candidate !== path) return;
    if (node.className === 'Softmax') node.className = 'Activation';
    node.config.activation = 'linear';
  });
  return { model: copy, layer: layer.name };
}

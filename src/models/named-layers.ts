import type * as tf from '@tensorflow/tfjs';
import { type AdaptableModel, requireAdaptableModel } from '../layers-model.ts';

/** A layer with its path in the model. */
export interface NamedLayer {
  /** Names of the layer and the models around it, outermost first, joined by dots: `encoder.dense_1`. */
  readonly path: string;
  readonly layer: tf.layers.Layer;
}

/**
 * A layer that keeps the weights of another layer and adds its own, such as a LoRA layer. It names them itself,
 * because tfjs' names depend on when and where a weight was created.
 */
export interface ExtendedLayer extends tf.layers.Layer {
  readonly baseWeights: ReadonlyMap<string, tf.LayerVariable>;
  readonly addedWeights: ReadonlyMap<string, tf.LayerVariable>;
}

interface Container extends tf.layers.Layer {
  readonly layers?: readonly tf.layers.Layer[];
  /** The layer inside a wrapper such as TimeDistributed. */
  readonly layer?: tf.layers.Layer;
}

/**
 * Lists the layers of a model in its order, like PyTorch's `named_modules`. Nested models and TimeDistributed wrappers
 * are replaced by the layers inside them.
 *
 * @throws UsageError if `model` is neither a LayersModel nor an adapted GraphModel
 */
export function namedLayers(model: AdaptableModel): NamedLayer[] {
  requireAdaptableModel(model);
  const listContent = (container: Container, prefix: string): NamedLayer[] =>
    (container.layers ?? []).flatMap((layer) => listLayer(layer, `${prefix}${layer.name}`));
  const listLayer = (layer: Container, path: string): NamedLayer[] => {
    if (layer.layers) return listContent(layer, `${path}.`);
    if (layer.getClassName() === 'TimeDistributed')
      return listLayer(layer.layer!, `${path}.${layer.layer!.name}`);
    return [{ path, layer }];
  };
  return listContent(model as unknown as Container, '');
}

/** A model with its path: '' for the outermost one. */
export interface NamedModel {
  readonly path: string;
  readonly model: tf.LayersModel;
}

/** Lists a model and the models inside it. */
export function namedModels(model: tf.LayersModel): NamedModel[] {
  const list = (container: Container, path: string): NamedModel[] => [
    { path, model: container as unknown as tf.LayersModel },
    ...container.layers!.flatMap((layer) => {
      const inner = (layer as Container).layers && (layer as Container);
      return inner ? list(inner, path === '' ? layer.name : `${path}.${layer.name}`) : [];
    }),
  ];
  return list(model as Container, '');
}

/**
 * Returns a layer's weights by name: `kernel`, `default/lora_A` in an adapter, `forward_lstm/kernel` in a wrapper of
 * several layers. Weights of equal names are numbered.
 */
export function namedWeights(layer: tf.layers.Layer): Map<string, tf.LayerVariable> {
  if (isExtendedLayer(layer)) return new Map([...layer.baseWeights, ...layer.addedWeights]);
  return weightsByName(layer.weights, layer.name);
}

/** Returns weights by their names in a layer of the name `layer`. Weights of equal names are numbered. */
export function weightsByName(
  weights: readonly tf.LayerVariable[],
  layer: string,
): Map<string, tf.LayerVariable> {
  const named = new Map<string, tf.LayerVariable>();
  for (const weight of weights) {
    const base = withoutScope(weight.originalName, layer);
    let name = base;
    for (let count = 1; named.has(name); count++) name = `${base}_${count}`;
    named.set(name, weight);
  }
  return named;
}

/** Whether a layer names its weights itself. */
export function isExtendedLayer(layer: tf.layers.Layer): layer is ExtendedLayer {
  return 'baseWeights' in layer && 'addedWeights' in layer;
}

/** Removes the layer's own scope from a weight's name, or the outermost scope if a wrapper created the weight. */
function withoutScope(name: string, layer: string): string {
  const scoped = `/${name}`;
  const start = scoped.indexOf(`/${layer}/`);
  return start < 0 ? name.slice(name.indexOf('/') + 1) : scoped.slice(start + layer.length + 2);
}

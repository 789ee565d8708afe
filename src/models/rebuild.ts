import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { requireLayersModel } from '../layers-model.ts';
import { isExtendedLayer, namedLayers, namedModels, namedWeights } from './named-layers.ts';
import { type LayerNode, topologyOf, visitTopology } from './topology.ts';
import { variableOf } from './values.ts';

/**
 * Builds a second model from the topology of the first, after `change` edited it, and copies all weights whose path
 * and name are in both. The first model does not change. Models inside the new one are not frozen.
 *
 * @param change called with each layer's path and node, as `namedLayers` lists them; edits the node in place
 * @throws UsageError if the model has no weights yet or contains an unregistered class
 */
export function rebuild(
  model: tf.LayersModel,
  change: (path: string, node: LayerNode) => void,
): tf.LayersModel {
  requireLayersModel(model);
  if (model.outputs.length === 0)
    throw new UsageError(
      'invalid-argument',
      `model '${model.name}': has no weights yet; give its first layer an inputShape`,
    );
  const topology = topologyOf(model);
  const layers = new Map(namedLayers(model).map(({ path, layer }) => [path, layer]));
  visitTopology(topology, (path, node) => {
    // tfjs omits a separable convolution's multiplier from its configuration.
    const { depthMultiplier } = layers.get(path) as { depthMultiplier?: number };
    if (depthMultiplier !== undefined) node.config.depthMultiplier = depthMultiplier;
    change(path, node);
  });
  const copy = instantiate(topology);
  copyWeights(model, copy);
  return copy;
}

/** Copies a model: topology, weights bit for bit, and which layers and inner models are frozen. */
export function cloneModel(model: tf.LayersModel): tf.LayersModel {
  const copy = rebuild(model, () => {});
  // tfjs has the flags of layers in the topology, but not those of models.
  const sources = new Map(namedModels(model).map((named) => [named.path, named.model]));
  for (const { path, model: inner } of namedModels(copy))
    if (!sources.get(path)!.trainable) inner.trainable = false;
  return copy;
}

type FromConfig = (
  Class: tf.serialization.SerializableConstructor<tf.serialization.Serializable>,
  config: LayerNode['config'],
  customObjects: object,
  fastWeightInit: boolean,
) => tf.serialization.Serializable;

/** Does what `tf.models.modelFromJSON` does, but synchronously and with zeros instead of drawn weights. */
function instantiate({ className, config }: LayerNode): tf.LayersModel {
  const entry = tf.serialization.SerializationMap.getMap().classNameMap[className];
  if (!entry)
    throw new UsageError(
      'invalid-argument',
      `model class '${className}': unknown to tfjs; call tf.serialization.registerClass(${className}) first`,
    );
  const [Class, fromConfig] = entry;
  const model = explainUnknownClass(
    () => (fromConfig as FromConfig)(Class, config, {}, true) as tf.LayersModel,
  );
  // A Sequential would otherwise be built on first use, which unfreezes its weights.
  if (!model.built) model.build(model.inputs[0]!.shape);
  return model;
}

/** @throws UsageError if tfjs does not know the class of a layer */
function explainUnknownClass<T>(create: () => T): T {
  try {
    return create();
  } catch (error) {
    const [, name] = /^Unknown \w+: (\S+?)\. /.exec((error as Error).message) ?? [];
    if (name === undefined) throw error;
    throw new UsageError(
      'invalid-argument',
      `layer class '${name}': unknown to tfjs; call tf.serialization.registerClass(${name}) first`,
      { cause: error },
    );
  }
}

/** Copies weights by path and name. Added weights of extended layers may be new and stay zero. */
function copyWeights(from: tf.LayersModel, to: tf.LayersModel): void {
  const sources = new Map(namedLayers(from).map(({ path, layer }) => [path, namedWeights(layer)]));
  for (const { path, layer } of namedLayers(to)) {
    const added = isExtendedLayer(layer) ? layer.addedWeights : undefined;
    for (const [name, weight] of namedWeights(layer)) {
      const source = sources.get(path)?.get(name);
      if (source) variableOf(weight).assign(source.read());
      else if (!added?.has(name))
        throw new Error(`weight '${name}' of layer '${path}' is not in the model that is copied`);
    }
  }
}

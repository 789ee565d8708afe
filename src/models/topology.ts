import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { adapterWeights, isLoraLayer, type LoraLayer, variableOf } from '../lora/index.ts';

/** A layer in a model's topology, as `getConfig` gives it. */
export interface LayerNode {
  className: string;
  config: Record<string, unknown> & { name?: string; trainable?: boolean };
}

/** A layer and where it is in its model. */
export interface NamedLayer {
  /** Names from the model inwards, joined by dots: `encoder.dense_1`. */
  readonly path: string;
  readonly layer: tf.layers.Layer;
}

interface Container extends tf.layers.Layer {
  readonly layers?: readonly tf.layers.Layer[];
  /** What a wrapper such as TimeDistributed wraps. */
  readonly layer?: tf.layers.Layer;
}

/** The layers of a model that hold weights themselves, nested models and wrappers opened, in the model's order. */
export function namedLayers(model: tf.LayersModel): NamedLayer[] {
  const open = (container: Container, prefix: string): NamedLayer[] =>
    (container.layers ?? []).flatMap((layer) => place(layer, `${prefix}${layer.name}`));
  const place = (layer: Container, path: string): NamedLayer[] => {
    if (layer.layers) return open(layer, `${path}.`);
    if (layer.getClassName() === 'TimeDistributed')
      return place(layer.layer!, `${path}.${layer.layer!.name}`);
    return [{ path, layer }];
  };
  return open(model as Container, '');
}

/** Calls `visit` with the same paths as `placedLayers`, on the topology; changes go into the topology. */
function visitTopology(root: LayerNode, visit: (path: string, node: LayerNode) => void): void {
  const open = (node: LayerNode, prefix: string) => {
    const layers = (Array.isArray(node.config) ? node.config : node.config.layers) as LayerNode[];
    for (const layer of layers)
      place(layer, `${prefix}${layer.config.name ?? (layer as { name?: string }).name}`);
  };
  const place = (node: LayerNode, path: string): void => {
    const inner = node.config.layer as LayerNode;
    if (isModel(node)) open(node, `${path}.`);
    else if (node.className === 'TimeDistributed') place(inner, `${path}.${inner.config.name}`);
    else visit(path, node);
  };
  open(root, '');
}

const isModel = ({ className }: LayerNode) => ['Sequential', 'Functional', 'Model'].includes(className);

/**
 * Makes a second model from a model's topology, changed by `change`, with the first one's weights where paths
 * and weight names agree. The first model stays as it is.
 *
 * @throws UsageError when the model is not built or cannot be made from its topology
 */
export function rebuild(
  model: tf.LayersModel,
  change: (path: string, node: LayerNode) => void,
): tf.LayersModel {
  if (model.outputs.length === 0)
    throw new UsageError(
      'invalid-argument',
      `model '${model.name}' has no weights yet; give its first layer an inputShape`,
    );
  const topology = JSON.parse(
    JSON.stringify({ className: model.getClassName(), config: model.getConfig() }),
  ) as LayerNode;
  const layers = new Map(namedLayers(model).map(({ path, layer }) => [path, layer]));
  visitTopology(topology, (path, node) => {
    // tfjs leaves a separable convolution's multiplier out of its configuration.
    const { depthMultiplier } = layers.get(path) as { depthMultiplier?: number };
    if (depthMultiplier !== undefined) node.config.depthMultiplier = depthMultiplier;
    change(path, node);
  });
  const copy = instantiate(topology);
  copyWeights(model, copy);
  return copy;
}

/** Copies a model: topology and weights, each bit of them. */
export function cloneModel(model: tf.LayersModel): tf.LayersModel {
  return rebuild(model, () => {});
}

type FromConfig = (
  Class: tf.serialization.SerializableConstructor<tf.serialization.Serializable>,
  config: LayerNode['config'],
  customObjects: object,
  fastWeightInit: boolean,
) => tf.serialization.Serializable;

/** As tf.models.modelFromJSON does, which is only offered as a promise; weights are zero, not drawn. */
function instantiate({ className, config }: LayerNode): tf.LayersModel {
  const entry = tf.serialization.SerializationMap.getMap().classNameMap[className];
  if (!entry)
    throw new UsageError(
      'invalid-argument',
      `models of class '${className}' cannot be made anew; register the class first`,
    );
  const [Class, fromConfig] = entry;
  const model = withKnownLayers(() => (fromConfig as FromConfig)(Class, config, {}, true) as tf.LayersModel);
  // A Sequential is otherwise built when it is first used, which unfreezes its weights.
  if (!model.built) model.build(model.inputs[0]!.shape);
  return model;
}

/** @throws UsageError for a layer class that tfjs does not know */
function withKnownLayers<T>(make: () => T): T {
  try {
    return make();
  } catch (error) {
    const [, name] = /^Unknown \w+: (\S+?)\. /.exec((error as Error).message) ?? [];
    if (name === undefined) throw error;
    throw new UsageError(
      'invalid-argument',
      `the model has a layer of class '${name}', which tfjs cannot make anew; call tf.serialization.registerClass(${name}) first`,
      { cause: error },
    );
  }
}

function copyWeights(from: tf.LayersModel, to: tf.LayersModel): void {
  const sources = new Map(namedLayers(from).map(({ path, layer }) => [path, weightsOf(layer)]));
  for (const { path, layer } of namedLayers(to)) {
    for (const [name, weight] of weightsOf(layer)) {
      const source = sources.get(path)?.get(name);
      if (source) variableOf(weight).assign(source.read());
      else if (!isLoraLayer(layer) || layer.baseWeights.has(name))
        throw new Error(
          `weight '${name}' of layer '${path}' has no counterpart in the model that it is a copy of`,
        );
    }
  }
}

/**
 * A layer's weights by their names without its scope: `kernel`, for adapters `default/lora_A`, where a wrapper holds
 * several `forward_lstm/kernel`. Equal names are numbered.
 */
export function weightsOf(layer: tf.layers.Layer): Map<string, tf.LayerVariable> {
  if (isLoraLayer(layer)) return new Map([...layer.baseWeights, ...allAdapterWeights(layer)]);
  const weights = new Map<string, tf.LayerVariable>();
  for (const weight of layer.weights) {
    const base = withoutScope(weight.originalName, layer.name);
    let name = base;
    for (let count = 1; weights.has(name); count++) name = `${base}_${count}`;
    weights.set(name, weight);
  }
  return weights;
}

/** What follows the layer's own scope, or the outermost one where a wrapper built the layer under its own. */
function withoutScope(name: string, layer: string): string {
  const scoped = `/${name}`;
  const at = scoped.indexOf(`/${layer}/`);
  return at < 0 ? name.slice(name.indexOf('/') + 1) : scoped.slice(at + layer.length + 2);
}

function allAdapterWeights({ adapters }: LoraLayer): [string, tf.LayerVariable][] {
  return [...adapters].flatMap(([adapter, found]) =>
    [...adapterWeights(found)].map(([part, weight]): [string, tf.LayerVariable] => [
      `${adapter}/${part}`,
      weight,
    ]),
  );
}

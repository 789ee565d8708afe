import * as tf from '@tensorflow/tfjs';
import { checkList } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { completeGradients } from '../kernels/index.ts';
import type { LayeredGraphModel } from '../layers-model.ts';
import { isReplaced, type LoraLayer, type LoraMethod } from '../lora/index.ts';
import { quote } from '../quote.ts';
import { requireGradients } from './gradients.ts';
import { type GraphExecutor, type GraphNode, internalsOf, nodesBehind, nodesInOrder } from './graph.ts';
import { createNodeLayer, disposeNodeLayer } from './node-layer.ts';
import { type Constants, nodeWeights } from './node-weights.ts';

/** A layer of a GraphModel and what it belongs to in the graph. */
export interface NodeOfLayer {
  readonly layer: LoraLayer;
  readonly node: GraphNode;
  /** Names of the constants by the names of the layer's weights. */
  readonly constants: ReadonlyMap<string, string>;
}

/** A graph's inputs by name or in order, as tfjs takes them. */
type GraphInputs = tf.Tensor | tf.Tensor[] | tf.NamedTensorMap;

/**
 * A GraphModel with adapters: a copy of a model that shares the memory of its weights. Each node whose kernel is a
 * constant is a layer, named like the node; the other float32 constants are layers of their own, of class `Const`.
 *
 * tfjs' executor runs the graph. For the time of a call, the kernels of adapted nodes are replaced by W + s·A·B. While
 * gradients are recorded, tfjs runs fused ops unfused, so that the gradients of A and B exist.
 */
export class LoraGraphModel extends tf.GraphModel implements LayeredGraphModel {
  readonly name: string;
  /** The layers in topological order. */
  readonly nodes: readonly NodeOfLayer[];

  /** The nodes whose outputs the loss is computed from. */
  readonly #trainedOutputs: readonly GraphNode[];

  /** Made by `injectLora`. */
  constructor(base: tf.GraphModel, method: LoraMethod, outputs?: readonly string[]) {
    super(modelUrlOf(base));
    completeGradients();
    this.name = 'graph';
    const { artifacts, executor } = internalsOf(base);
    if (outputs !== undefined) checkOutputs(executor, outputs);
    const weights = Object.entries(executor.weightMap).map(
      ([name, [tensor]]) => [name, tensor!.clone()] as const,
    );
    internalsOf(this).loadWithWeightMap(artifacts, Object.fromEntries(weights));
    const { graph } = internalsOf(this).executor;
    this.#trainedOutputs = outputs?.map((name) => graph.nodes[name]!) ?? graph.outputs;
    this.nodes = createNodes(this, method, nodesInOrder(this.#trainedOutputs));
  }

  get layers(): LoraLayer[] {
    return this.nodes.map(({ layer }) => layer);
  }

  /** The weights of active adapters. `weight.read()` is the tf.Variable. */
  get trainableWeights(): tf.LayerVariable[] {
    return this.layers.flatMap((layer) => layer.trainableWeights);
  }

  layersBehind(name: string): ReadonlySet<tf.layers.Layer> | undefined {
    const { graph } = internalsOf(this).executor;
    if (!Object.hasOwn(graph.nodes, name)) return undefined;
    const behind = nodesBehind([graph.nodes[name]!]);
    return new Set(this.nodes.filter(({ node }) => behind.has(node)).map(({ layer }) => layer));
  }

  layerInputs(batch: GraphInputs, layers: readonly tf.layers.Layer[]): Map<tf.layers.Layer, tf.Tensor[]> {
    const nodes = this.nodes.filter(({ layer }) => layers.includes(layer));
    // The first input of a matrix product; the second one is the kernel.
    const inputs = [
      this.execute(
        batch,
        nodes.map(({ node }) => node.inputNames[0]!),
      ),
    ].flat();
    return new Map(
      nodes.map(({ layer, node }, index) => {
        const x = inputs[index]!;
        const isTransposed = node.attrParams.transposeA?.value === true;
        return [layer, [isTransposed ? swapLastAxes(x) : x]];
      }),
    );
  }

  requireGradients(layers: readonly tf.layers.Layer[]): void {
    const trained = this.nodes.filter(({ layer }) => layers.includes(layer)).map(({ node }) => node);
    requireGradients(this.#trainedOutputs, trained);
  }

  override execute(inputs: GraphInputs, outputs?: string | string[]): tf.Tensor | tf.Tensor[] {
    return tf.tidy(() => {
      const restore = this.#exchangeWeights();
      try {
        return super.execute(inputs, outputs);
      } finally {
        restore();
      }
    });
  }

  override async executeAsync(
    inputs: GraphInputs,
    outputs?: string | string[],
  ): Promise<tf.Tensor | tf.Tensor[]> {
    const internals = internalsOf(this);
    // tfjs waits for this first, before it takes the weights.
    if (!internals.resourceIdToCapturedInput)
      internals.setResourceIdToCapturedInput(await internals.executeInitializerGraphAsync());
    const exchanged: tf.Tensor[] = [];
    let restore = () => {};
    tf.tidy(() => {
      restore = this.#exchangeWeights((value) => exchanged.push(tf.keep(value)));
    });
    let result: Promise<tf.Tensor | tf.Tensor[]>;
    try {
      // The executor takes the weights before it waits again.
      result = super.executeAsync(inputs, outputs);
    } finally {
      restore();
    }
    try {
      return await result;
    } finally {
      for (const tensor of exchanged) tensor.dispose();
    }
  }

  /** @throws UsageError always: the graph's file has no place for adapters */
  override async save(): Promise<tf.io.SaveResult> {
    throw new UsageError(
      'invalid-argument',
      'model: a GraphModel with adapters cannot be saved as one; save the adapter with savePeft, or the result of mergeLora',
    );
  }

  override dispose(): void {
    const { executor } = internalsOf(this);
    const layered = new Set(this.nodes.flatMap(({ constants }) => [...constants.values()]));
    for (const { layer } of this.nodes) disposeNodeLayer(layer);
    setWeights(
      this,
      Object.entries(executor.weightMap).filter(([name]) => !layered.has(name)),
    );
    super.dispose();
  }

  /**
   * Replaces the weights that adapters change until the returned function is called.
   *
   * @param onValue called with each new weight
   */
  #exchangeWeights(onValue: (value: tf.Tensor) => void = () => {}): () => void {
    const { executor } = internalsOf(this);
    const original = executor._weightMap;
    // Without the setter, which also notes the ids of the tensors that the executor must not free.
    executor._weightMap = { ...original };
    for (const { layer, constants } of this.nodes) {
      if (!changesWeights(layer)) continue;
      for (const [weightName, constant] of constants) {
        if (!isReplaced(layer, weightName)) continue;
        const value = layer.mergedWeight(weightName);
        onValue(value);
        executor._weightMap[constant] = [value];
      }
    }
    return () => {
      executor._weightMap = original;
    };
  }
}

/**
 * Whether the weights of a layer have to be exchanged. On native TensorFlow this includes adapters that are off, which add
 * zero: the call may be recorded as a graph that is still used after they are turned on.
 */
function changesWeights(layer: LoraLayer): boolean {
  if (layer.adapters.size === 0) return false;
  return (
    tf.getBackend() === 'tensorflow' ||
    [...layer.adapters.values()].some(({ settings }) => layer.isOn(settings))
  );
}

function swapLastAxes(x: tf.Tensor): tf.Tensor {
  const axes = x.shape.map((_, axis) => axis);
  return tf.transpose(x, [...axes.slice(0, -2), x.rank - 1, x.rank - 2]);
}

/** @throws UsageError if the graph does not have one of the nodes */
function checkOutputs({ graph }: GraphExecutor, outputs: readonly string[]): void {
  checkList('outputs', outputs);
  const unknown = outputs.find((name) => !Object.hasOwn(graph.nodes, name));
  if (unknown !== undefined)
    throw new UsageError('invalid-argument', `outputs: the graph has no node ${quote(unknown)}`);
}

/** Creates the layers of a graph's nodes. The executor uses their variables in place of its tensors. */
function createNodes(model: tf.GraphModel, method: LoraMethod, ordered: readonly GraphNode[]): NodeOfLayer[] {
  const { executor } = internalsOf(model);
  const { weightMap } = executor;
  const tensorOf = ({ name }: GraphNode) =>
    Object.hasOwn(weightMap, name) ? weightMap[name]![0] : undefined;
  const constants: Constants = {
    shapeOf: (constant) => {
      const tensor = tensorOf(constant);
      return tensor?.dtype === 'float32' ? tensor.shape : undefined;
    },
    scalarOf: (constant) => {
      const tensor = tensorOf(constant);
      return tensor?.dtype === 'int32' && tensor.size === 1 ? tensor.dataSync()[0] : undefined;
    },
  };
  const taken = new Set<GraphNode>();
  const withKernel = ordered.flatMap((node) => {
    const found = nodeWeights(node, constants);
    if (!found) return [];
    // A constant that several nodes use belongs to the first one that has it as its kernel.
    const weights = new Map([...found.weights].filter(([, constant]) => !taken.has(constant)));
    if ([...found.weights.keys()].some((name) => name !== 'bias' && !weights.has(name))) return [];
    for (const constant of weights.values()) taken.add(constant);
    return [{ ...found, node, weights }];
  });
  const alone = ordered
    .filter((node) => constants.shapeOf(node) && !taken.has(node))
    .map((node) => ({ node, className: 'Const', kinds: {}, weights: new Map([['value', node]]) }));
  const position = new Map(ordered.map((node, index) => [node, index]));
  const nodes = [...withKernel, ...alone]
    .sort((a, b) => position.get(a.node)! - position.get(b.node)!)
    .map(({ node, weights, ...options }) => {
      const tensors = new Map([...weights].map(([name, constant]) => [name, tensorOf(constant)!] as const));
      const layer = createNodeLayer({ ...options, name: node.name, weights: tensors, method });
      for (const [name, constant] of weights) {
        const copy = tensorOf(constant)!;
        weightMap[constant.name] = [layer.baseWeights.get(name)!.read() as tf.Tensor];
        copy.dispose();
      }
      const names = new Map([...weights].map(([name, constant]) => [name, constant.name]));
      return { layer, node, constants: names };
    });
  setWeights(model, Object.entries(weightMap)); // tfjs notes the ids of the tensors when they are set
  return nodes;
}

/** Sets the weights of a graph, and of the graph that initializes its tables. */
function setWeights(model: tf.GraphModel, weights: [name: string, tensors: tf.Tensor[]][]): void {
  const { executor, initializer } = internalsOf(model);
  executor.weightMap = Object.fromEntries(weights);
  if (initializer) initializer.weightMap = executor.weightMap;
}

function modelUrlOf(model: tf.GraphModel): string {
  const { modelUrl } = model as unknown as { modelUrl: unknown };
  return typeof modelUrl === 'string' ? modelUrl : '';
}

import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import {
  type BaseLayer,
  type KindsByMethod,
  type LoraLayer,
  type LoraMethod,
  withAdapters,
} from '../lora/index.ts';
import { quote } from '../quote.ts';

/** What a layer of a GraphModel is made of. */
export interface NodeLayerOptions {
  /** Name of the node. */
  readonly name: string;
  readonly className: string;
  readonly kinds: KindsByMethod;
  /** Tensors by the names of the weights. The layer shares their memory. */
  readonly weights: ReadonlyMap<string, tf.Tensor>;
  readonly dilationRate?: readonly number[];
  readonly method: LoraMethod;
}

/**
 * A node of a GraphModel as a layer: it has the node's constants as weights, but does not run, because tfjs' executor
 * runs the node.
 */
class NodeLayer extends tf.layers.Layer implements BaseLayer {
  static className = 'GraphNode';
  readonly kinds: KindsByMethod;
  readonly dilationRate?: readonly number[];
  readonly #className: string;
  readonly #weights: ReadonlyMap<string, tf.Tensor>;

  constructor({ node }: { node: NodeLayerOptions }) {
    super({ name: node.name });
    this.kinds = node.kinds;
    this.#className = node.className;
    this.#weights = node.weights;
    if (node.dilationRate) this.dilationRate = node.dilationRate;
  }

  override build(): void {
    this.trainableWeights = [...this.#weights].map(
      ([name, tensor]) => new tf.LayerVariable(tensor as tf.Tensor, 'float32', `${this.name}/${name}`),
    );
    this.built = true;
  }

  override getClassName(): string {
    return `Lora${this.#className}`;
  }
}

const LoraNodeLayer = withAdapters(NodeLayer as unknown as Parameters<typeof withAdapters>[0]);

/** What tfjs allows as the name of a weight. */
const WEIGHT_NAME = /^[A-Za-z0-9][-\w./]*$/;

/**
 * Creates the layer of a node, without adapters.
 *
 * @throws UsageError if tfjs does not allow the node's name for its weights
 */
export function createNodeLayer(node: NodeLayerOptions): LoraLayer {
  if (!WEIGHT_NAME.test(node.name))
    throw new UsageError(
      'invalid-argument',
      `node ${quote(node.name)}: tfjs does not allow this name for its weights; rename the node in the model's topology`,
    );
  const lora = { method: node.method, enabled: true, adapters: [] };
  const layer = new LoraNodeLayer({ node, lora } as unknown as ConstructorParameters<
    typeof LoraNodeLayer
  >[0]);
  layer.build([]);
  return layer;
}

/** Frees the weights of a node's layer. tfjs' own `dispose` needs a layer that has been applied. */
export function disposeNodeLayer(layer: LoraLayer): void {
  (layer as unknown as { disposeWeights(): void }).disposeWeights();
}

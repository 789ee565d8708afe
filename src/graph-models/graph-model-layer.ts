import * as tf from '@tensorflow/tfjs';
import { checkOptions } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { quote } from '../quote.ts';
import { internalsOf } from './graph.ts';
import { LoraGraphModel } from './lora-graph-model.ts';

/** Options of `graphModelLayer`. */
export interface GraphModelLayerOptions {
  /** The node whose output the layer returns, such as the features before a classifier. Default: the model's only output. */
  readonly output?: string;
  /** Name of the layer. Default `graph_model`. */
  readonly name?: string;
}

/**
 * Returns an adapted GraphModel as a layer, so that a LayersModel can add a new head to it, and engines can train both. The
 * layer's trainable weights are those of the active adapters.
 *
 * The layer does not own the model: the caller disposes it, and saves its adapter with `savePeft`. tfjs cannot save a
 * LayersModel with this layer; save the head as a model of its own.
 *
 * @throws UsageError if the model has no adapters, no node has the name `output`, or the model has several outputs and
 *   none is chosen
 *
 * @example
 * const features = injectLora(await tf.loadGraphModel(url), { rank: 4 });
 * const model = tf.sequential({
 *   layers: [tf.layers.inputLayer({ inputShape: [224, 224, 3] }), graphModelLayer(features, { output: 'pool' }), head],
 * });
 */
export function graphModelLayer(
  model: LoraGraphModel,
  options: GraphModelLayerOptions = {},
): tf.layers.Layer {
  if (!(model instanceof LoraGraphModel))
    throw new UsageError(
      'invalid-argument',
      'model: must be a GraphModel with adapters; call injectLora first',
    );
  checkOptions(options, { output: 'string?', name: 'string?' });
  const { output = model.outputs[0]!.name, name = 'graph_model' } = options;
  if (options.output === undefined && model.outputs.length > 1)
    throw new UsageError(
      'invalid-argument',
      `model: has the outputs ${model.outputs.map((node) => node.name).join(', ')}; choose one with option 'output'`,
    );
  if (!Object.hasOwn(internalsOf(model).executor.graph.nodes, output.replace(/:\d+$/, '')))
    throw new UsageError('invalid-argument', `output ${quote(output)}: the graph has no such node`);
  return new GraphModelLayer(model, output, name);
}

class GraphModelLayer extends tf.layers.Layer {
  static className = 'GraphModelLayer';

  /** @throws UsageError always, because the graph is not part of the configuration */
  static override fromConfig<T extends tf.serialization.Serializable>(
    _: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    throw new UsageError(
      'invalid-argument',
      `layer '${config.name}': its GraphModel is not part of the LayersModel; save and load the adapter with savePeft and loadPeft, and the head as a model of its own`,
    );
  }

  readonly #model: LoraGraphModel;
  readonly #output: string;

  constructor(model: LoraGraphModel, output: string, name: string) {
    super({ name });
    this.#model = model;
    this.#output = output;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return this.#model.execute(inputs, this.#output) as tf.Tensor;
  }

  /** Runs the graph on one example of zeros. An unknown size counts as 1. */
  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const shapes = (Array.isArray(inputShape[0]) ? inputShape : [inputShape]) as tf.Shape[];
    const shape = tf.tidy(() => {
      const zeros = shapes.map((sizes, index) =>
        tf.zeros(
          sizes.map((size, axis) => (axis === 0 ? 1 : (size ?? 1))),
          this.#model.inputs[index]?.dtype,
        ),
      );
      return this.call(zeros).shape;
    });
    return [shapes[0]![0]!, ...shape.slice(1)];
  }

  // The weights belong to the layers of the graph. tfjs does not track layers inside a layer.
  override get trainableWeights(): tf.LayerVariable[] {
    return this.trainable ? this.#model.trainableWeights : [];
  }

  override get nonTrainableWeights(): tf.LayerVariable[] {
    const trained = new Set(this.trainableWeights);
    return this.#model.layers.flatMap(({ weights }) => weights).filter((weight) => !trained.has(weight));
  }

  protected override disposeWeights(): number {
    return 0;
  }
}

// So that loading and copying give the error above, and not that the class is unknown.
tf.serialization.registerClass(
  GraphModelLayer as unknown as Parameters<typeof tf.serialization.registerClass>[0],
);

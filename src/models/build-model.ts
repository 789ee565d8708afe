import * as tf from '@tensorflow/tfjs';
import { namedLayers } from './named-layers.ts';
import type { TopologyJson } from './topology-json.ts';

/** Most values in the weights of a model whose file does not say how many there are: 1 GiB of float32. */
const MAX_VALUES = 2 ** 28;

/** Most values in a layer's output for one example: 256 MiB of float32. */
const MAX_OUTPUT_VALUES = 2 ** 26;

/** Thrown if the weights or outputs of a model have more values than allowed. */
export class ModelSizeError extends Error {}

/** Options of `buildModel`. */
export interface BuildOptions {
  /** Values in all weights together, as the model's file states. Default: 2^28 at most. */
  readonly values?: number;
}

/**
 * Builds a model from its topology. Each weight is counted before tfjs allocates it, so that a damaged or hostile topology
 * cannot use up the memory.
 *
 * @returns the model; with zeros as weights if `values` is given, because stored values follow, else with drawn weights
 * @throws ModelSizeError if the weights have more values than allowed, or a layer's output for one example more than 2^26
 */
export async function buildModel(
  topology: TopologyJson | object,
  { values: stated }: BuildOptions = {},
): Promise<tf.LayersModel> {
  const model = await limitWeights(stated, () => tf.models.modelFromJSON(topology as never));
  const large = namedLayers(model).find(({ layer }) => outputValues(layer) > MAX_OUTPUT_VALUES);
  if (!large) return model;
  model.dispose();
  const found = count(outputValues(large.layer));
  throw new ModelSizeError(
    `layer '${large.path}' has ${found} outputs for one example, the limit is ${count(MAX_OUTPUT_VALUES)}`,
  );
}

type AddWeight = (name: string, shape: tf.Shape, dtype?: tf.DataType, ...rest: unknown[]) => tf.LayerVariable;

/**
 * Counts the values of weights that `build` creates. tfjs creates the weights of all layers through one method.
 *
 * @param build returns a promise after all layers are built, as `modelFromJSON` does, so that other models are not counted
 */
function limitWeights<T>(stated: number | undefined, build: () => Promise<T>): Promise<T> {
  const prototype = tf.layers.Layer.prototype as unknown as { addWeight: AddWeight };
  const { addWeight } = prototype;
  const limit = stated ?? MAX_VALUES;
  let values = 0;
  prototype.addWeight = function (this: tf.layers.Layer, name, shape, dtype, initializer, ...rest) {
    values += tf.util.sizeFromShape(shape as number[]);
    if (!(values <= limit)) {
      const reason = stated === undefined ? 'the limit is' : 'its file has';
      throw new ModelSizeError(
        `weight '${name}' [${shape}] of layer '${this.name}' is too large: ${reason} ${count(limit)} values in all weights`,
      );
    }
    const start = stated === undefined ? initializer : tf.initializers.zeros();
    return addWeight.call(this, name, shape, dtype, start, ...rest);
  };
  try {
    return build();
  } finally {
    prototype.addWeight = addWeight;
  }
}

function count(values: number): string {
  return values.toLocaleString('en-US');
}

function outputValues({ inboundNodes }: tf.layers.Layer): number {
  const shapes = inboundNodes.flatMap((node) => node.outputShapes as tf.Shape[]);
  return Math.max(0, ...shapes.map((shape) => shape.reduce<number>((size, side) => size * (side ?? 1), 1)));
}

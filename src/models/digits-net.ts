import * as tf from '@tensorflow/tfjs';
import { createRandom } from '../random.ts';

/** What follows the logits; see `DigitsNetOptions.head`. */
export type Head = 'relu' | 'linear';

/** The sizes, the head and the seed of a DigitsNet. */
export interface DigitsNetOptions {
  /** `relu` clips the logits at 0 as the published network does; `linear` leaves them as they are. */
  readonly head?: Head;
  readonly seed?: number;
  /** Values of one example. */
  readonly inputSize?: number;
  readonly classes?: number;
}

const HIDDEN_UNITS = [256, 128];

/**
 * Three dense layers `linear1` .. `linear3`, without activations between them: [batch, 784] -> 256 -> 128 ->
 * logits [batch, 10]; 235,146 values by default.
 *
 * Kernels and biases start as PyTorch's `nn.Linear` draws them: uniform within 1 / sqrt(inputs of the layer).
 */
export function createDigitsNet(options: DigitsNetOptions = {}): tf.Sequential {
  const { head = 'relu', seed = 0, inputSize = 784, classes = 10 } = options;
  const sizes = [inputSize, ...HIDDEN_UNITS, classes];
  const model = tf.sequential();
  for (let index = 0; index < sizes.length - 1; index++) {
    const [inputs, units] = [sizes[index]!, sizes[index + 1]!];
    const bound = 1 / Math.sqrt(inputs);
    const layer = tf.layers.dense({
      name: `linear${index + 1}`,
      units,
      inputShape: index === 0 ? [inputSize] : undefined,
      activation: head === 'relu' && index === sizes.length - 2 ? 'relu' : undefined,
      kernelInitializer: tf.initializers.randomUniform({ minval: -bound, maxval: bound }),
      biasInitializer: tf.initializers.randomUniform({ minval: -bound, maxval: bound }),
    });
    model.add(layer);
    const random = createRandom(seed, index);
    const draw = (count: number) =>
      Float32Array.from({ length: count }, () => (2 * random.uniform() - 1) * bound);
    tf.tidy(() =>
      layer.setWeights([tf.tensor2d(draw(inputs * units), [inputs, units]), tf.tensor1d(draw(units))]),
    );
  }
  return model;
}

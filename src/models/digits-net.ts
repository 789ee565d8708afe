import * as tf from '@tensorflow/tfjs';
import { checkObject } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { createRandom } from '../random.ts';

/** Activation of the last layer; see `DigitsNetOptions.head`. */
export type Head = 'relu' | 'linear';

/** Options of `createDigitsNet`. */
export interface DigitsNetOptions {
  /** 'relu' (default) clips the logits at 0, as the published network does; 'linear' does not. */
  readonly head?: Head;
  /** Seed of the weights. Default 0. */
  readonly seed?: number;
  /** Values per example. Default 784. */
  readonly inputSize?: number;
  /** Default 10. */
  readonly classes?: number;
}

const HIDDEN_UNITS = [256, 128];

/**
 * Creates the network of the published experiment: three dense layers `linear1`, `linear2` and `linear3` with no
 * activations between them, [batch, 784] -> 256 -> 128 -> logits [batch, 10] float32. 235,146 parameters by default.
 *
 * Kernels and biases are drawn as in PyTorch's `nn.Linear`: uniform in ±1 / sqrt(inputs of the layer).
 *
 * @throws UsageError if an option is out of range
 *
 * @example
 * const model = createDigitsNet({ seed: 1 });
 */
export function createDigitsNet(options: DigitsNetOptions = {}): tf.Sequential {
  checkObject('options', options);
  const { head = 'relu', seed = 0, inputSize = 784, classes = 10 } = options;
  if (head !== 'relu' && head !== 'linear')
    throw new UsageError('invalid-argument', `head: must be relu or linear (${String(head)})`);
  for (const [name, value] of Object.entries({ inputSize, classes }))
    if (!Number.isSafeInteger(value) || value < 1)
      throw new UsageError('invalid-argument', `${name}: must be a whole number of at least 1 (${value})`);
  const sizes = [inputSize, ...HIDDEN_UNITS, classes];
  const model = tf.sequential();
  for (let index = 0; index < sizes.length - 1; index++) {
    const [inputs, units] = [sizes[index]!, sizes[index + 1]!];
    const layer = tf.layers.dense({
      name: `linear${index + 1}`,
      units,
      inputShape: index === 0 ? [inputSize] : undefined,
      activation: head === 'relu' && index === sizes.length - 2 ? 'relu' : undefined,
      // Set below, because tfjs' initializers draw other numbers than `createRandom`.
      kernelInitializer: 'zeros',
    });
    model.add(layer);
    const random = createRandom(seed, index);
    const bound = 1 / Math.sqrt(inputs);
    const draw = (count: number) =>
      Float32Array.from({ length: count }, () => (2 * random.uniform() - 1) * bound);
    tf.tidy(() =>
      layer.setWeights([tf.tensor2d(draw(inputs * units), [inputs, units]), tf.tensor1d(draw(units))]),
    );
  }
  return model;
}

// Floating-point operations of a training step, computed from the shapes of the model.

/** Rank of the adapters of the `lora` model. */
const RANK = 2;

/**
 * Multiplications and additions in the matrix products and convolutions of a training step; other operations are not
 * counted. Each layer has three products: the output, the gradient of the weight and the gradient of the input. The first
 * layer has two, because the gradient of the images is not needed.
 *
 * @param {Partial<import('./cases.mjs').Work>} work
 */
export function stepOperations({ model, width = 0, batch = 0 }) {
  if (model === 'cnn') return trainedLayers(batch, [26 * 26 * 32 * 9, 11 * 11 * 64 * 9 * 32, 1600 * 10]);
  const sizes = model === 'wide' ? [784, width, width, 10] : [784, 256, 128, 10];
  const layers = sizes.slice(1).map((outputs, index) => [sizes[index] ?? 0, outputs]);
  const weights = layers.map(([inputs = 0, outputs = 0]) => inputs * outputs);
  if (model !== 'lora') return trainedLayers(batch, weights);
  // Frozen weights have no gradient, their adapters do.
  const frozen = 2 * sum(weights) - (weights[0] ?? 0);
  const adapters = layers.map(([inputs = 0, outputs = 0]) => RANK * (inputs + outputs));
  return 2 * batch * (frozen + 3 * sum(adapters) - RANK * (sizes[0] ?? 0));
}

/**
 * @param {number} batch
 * @param {readonly number[]} layers multiplications of each layer in the forward pass of one image
 */
const trainedLayers = (batch, layers) => 2 * batch * (3 * sum(layers) - (layers[0] ?? 0));

/** @param {readonly number[]} values */
const sum = (values) => values.reduce((a, b) => a + b, 0);

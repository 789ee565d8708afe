// How many floating-point operations a step takes, from the shapes of the net alone.

/** Rank of the bench's adapters. */
const RANK = 2;

/**
 * Multiplications and additions of a training step's products and convolutions; what else a step computes is not
 * counted. Nothing needs the gradient of the images, so the first layer takes two products and the others three.
 *
 * @param {Partial<import('./cases.mjs').Work>} work
 */
export function stepOperations({ model, width = 0, batch = 0 }) {
  if (model === 'cnn') return products(batch, [26 * 26 * 32 * 9, 11 * 11 * 64 * 9 * 32, 1600 * 10]);
  const sizes = model === 'wide' ? [784, width, width, 10] : [784, 256, 128, 10];
  const layers = sizes.slice(1).map((outputs, index) => [sizes[index] ?? 0, outputs]);
  const weights = layers.map(([inputs = 0, outputs = 0]) => inputs * outputs);
  if (model !== 'lora') return products(batch, weights);
  // The frozen weights need no gradient of their own, their adapters do.
  const frozen = 2 * sum(weights) - (weights[0] ?? 0);
  const adapters = layers.map(([inputs = 0, outputs = 0]) => RANK * (inputs + outputs));
  return 2 * batch * (frozen + 3 * sum(adapters) - RANK * (sizes[0] ?? 0));
}

/**
 * @param {number} batch
 * @param {readonly number[]} layers multiplications for one image, forwards
 */
const products = (batch, layers) => 2 * batch * (3 * sum(layers) - (layers[0] ?? 0));

/** @param {readonly number[]} values */
const sum = (values) => values.reduce((a, b) => a + b, 0);

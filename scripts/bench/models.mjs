// The models of the bench in tfjs. pytorch_models.py and jax_loop.py build the same ones.
import * as tf from '@tensorflow/tfjs';
import { injectLora } from '../../dist/lora/index.js';
import { createDigitsNet } from '../../dist/models/index.js';

/** @param {import('./cases.mjs').Work} work */
export function buildModel({ model, width }) {
  if (model === 'digits') return createDigitsNet();
  if (model === 'lora') return injectLora(createDigitsNet(), { rank: 2, alpha: 1 });
  if (model === 'cnn') return convolutional();
  return tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [784], units: /** @type {number} */ (width), activation: 'relu' }),
      tf.layers.dense({ units: /** @type {number} */ (width), activation: 'relu' }),
      tf.layers.dense({ units: 10 }),
    ],
  });
}

function convolutional() {
  return tf.sequential({
    layers: [
      tf.layers.conv2d({ inputShape: [28, 28, 1], filters: 32, kernelSize: 3, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({ filters: 64, kernelSize: 3, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 10 }),
    ],
  });
}

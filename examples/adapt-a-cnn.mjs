// A convolutional network knows dark-on-light digits. A scanner delivers light-on-dark ones.
//
//     node examples/adapt-a-cnn.mjs
//
// An adapter of a few percent of its size teaches it the scanner's pictures. The network itself does not change:
// with the adapter off, it reads the old pictures exactly as before.
import * as tf from '@tensorflow/tfjs';
import {
  createEngine,
  disableAdapters,
  enableAdapters,
  evaluate,
  injectLora,
  loadTensorFlow,
  loraSummary,
  mergeLora,
  trainingTask,
  trainToEnd,
} from 'tfjs-lora';
import { loadMnist, selectRows, shuffledSampler } from 'tfjs-lora/mnist-data-loader';

const { device } = await loadTensorFlow();
const mnist = await loadMnist();
const firstRows = (set, count) =>
  selectRows(
    set,
    Int32Array.from({ length: count }, (_, row) => row),
  );
const inverted = (set) => ({ ...set, images: set.images.map((pixel) => 255 - pixel) });

const base = tf.sequential({
  layers: [
    tf.layers.conv2d({
      name: 'conv1',
      inputShape: [28, 28, 1],
      filters: 16,
      kernelSize: 3,
      activation: 'relu',
    }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.conv2d({ name: 'conv2', filters: 32, kernelSize: 3, activation: 'relu' }),
    tf.layers.maxPooling2d({ poolSize: 2 }),
    tf.layers.flatten(),
    tf.layers.dense({ name: 'hidden', units: 64, activation: 'relu' }),
    tf.layers.dense({ name: 'classes', units: 10 }), // logits
  ],
});

/** Trains what is trainable in `model` on a data set of images. */
async function train(model, set, steps) {
  const task = trainingTask({
    model,
    data: {
      rows: set.count,
      inputs: [{ values: set.images, featureShape: [28, 28, 1] }],
      labels: { values: set.labels, featureShape: [] },
    },
    prepare: ([bytes]) => [tf.div(bytes, 255)],
    batchSize: 32,
    optimizer: { rule: { kind: 'adam' }, learningRate: 2e-3 },
    seed: 0,
  });
  const engine = createEngine('auto', task, { steps });
  await trainToEnd({ task, engine, sampler: shuffledSampler({ rows: set.count, seed: 0 }), steps });
  engine.dispose();
}

const normalization = { mean: 0, std: 1 };
const known = firstRows(mnist.test, 2000);
const scanned = inverted(known);
function accuracy(model, set) {
  const { labels, predictions } = evaluate(model, set, { normalization });
  return labels.filter((label, row) => label === predictions[row]).length / labels.length;
}
const show = (title, model) =>
  console.log(
    `${title}: known pictures ${(100 * accuracy(model, known)).toFixed(1)} %, scanned ${(100 * accuracy(model, scanned)).toFixed(1)} %`,
  );

await train(base, firstRows(mnist.train, 8000), 300);
show('base', base);

const adapted = injectLora(base, { rank: 4, alpha: 16, bias: 'lora-only' });
const { trainableParameters, shareOfBase } = loraSummary(adapted);
console.log(
  `the adapter trains ${trainableParameters} values, ${(100 * shareOfBase).toFixed(1)} % of the base, on ${device}`,
);
await train(adapted, inverted(firstRows(mnist.train, 4000)), 200);
show('adapter on', adapted);

disableAdapters(adapted);
show('adapter off', adapted);

enableAdapters(adapted);
show('merged', mergeLora(adapted));

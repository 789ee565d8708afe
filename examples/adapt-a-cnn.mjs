// A convolutional network classifies MNIST's light digits on a dark background. A scanner delivers dark digits on a light
// background.
//
//     node examples/adapt-a-cnn.mjs
//
// An adapter with a few percent of the network's parameters learns the scanner's images. The network itself does not
// change: with the adapter off, its outputs are exactly those of before.
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
import { selectRows, shuffledSampler } from 'tfjs-lora/data';
import { loadMnist } from 'tfjs-lora/mnist-data-loader';

const { device } = await loadTensorFlow();
const mnist = await loadMnist();
const firstRows = (set, count) =>
  selectRows(
    set,
    Int32Array.from({ length: count }, (_, row) => row),
  );
const inverted = (set) => ({ ...set, images: set.images.map((pixel) => 255 - pixel) });

/** Maps images [batch, 28, 28, 1] to logits [batch, 10]. */
function buildModel() {
  const seeded = (seed) => tf.initializers.glorotUniform({ seed });
  return tf.sequential({
    layers: [
      tf.layers.conv2d({
        name: 'conv1',
        inputShape: [28, 28, 1],
        filters: 16,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: seeded(1),
      }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.conv2d({
        name: 'conv2',
        filters: 32,
        kernelSize: 3,
        activation: 'relu',
        kernelInitializer: seeded(2),
      }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.flatten(),
      tf.layers.dense({ name: 'hidden', units: 64, activation: 'relu', kernelInitializer: seeded(3) }),
      tf.layers.dense({ name: 'classes', units: 10, kernelInitializer: seeded(4) }),
    ],
  });
}

/** Trains the trainable weights of a model on a set of images. */
async function train(model, set, steps) {
  const task = trainingTask({
    model,
    data: {
      rows: set.count,
      inputs: [{ values: set.images, featureShape: [28, 28, 1] }],
      labels: { values: set.labels, featureShape: [] },
    },
    prepare: ([pixels]) => [tf.div(pixels, 255)],
    batchSize: 32,
    optimizer: { rule: { kind: 'adam' }, learningRate: 2e-3 },
    seed: 0,
  });
  const engine = createEngine('auto', task, { steps });
  await trainToEnd({ task, engine, sampler: shuffledSampler({ rows: set.count, seed: 0 }), steps });
  engine.dispose();
}

const plainTest = firstRows(mnist.test, 2000);
const scannedTest = inverted(plainTest);

function accuracy(model, set) {
  const { labels, predictions } = evaluate(model, set, { normalization: { mean: 0, std: 1 } });
  return labels.filter((label, row) => label === predictions[row]).length / labels.length;
}

function printAccuracy(title, model) {
  const percent = (set) => `${(100 * accuracy(model, set)).toFixed(1)} %`;
  console.log(`${title}: plain images ${percent(plainTest)}, scanned images ${percent(scannedTest)}`);
}

const base = buildModel();
await train(base, firstRows(mnist.train, 8000), 300);
printAccuracy('base', base);

const adapted = injectLora(base, { rank: 4, alpha: 16, bias: 'lora-only' });
const { trainableParameters, shareOfBase } = loraSummary(adapted);
console.log(
  `the adapter trains ${trainableParameters} parameters, ${(100 * shareOfBase).toFixed(1)} % of the base, on ${device}`,
);
await train(adapted, inverted(firstRows(mnist.train, 4000)), 200);
printAccuracy('adapter on', adapted);

disableAdapters(adapted);
printAccuracy('adapter off', adapted);

enableAdapters(adapted);
printAccuracy('merged', mergeLora(adapted));

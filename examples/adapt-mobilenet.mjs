// A pretrained MobileNetV2 learns to count the corners of drawn polygons, once as a LayersModel and once as a GraphModel.
//
//     node examples/adapt-mobilenet.mjs
//
// Both models come from the npm package nsfwjs, which is installed into runs/nsfwjs. Their classifiers are replaced by a new
// head. With the same number of steps, one training changes only the head, the other the head and an adapter on all pointwise
// convolutions. It takes a few minutes on a CPU; STEPS=4 is a quick try.
import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import {
  createEngine,
  disableAdapters,
  graphModelLayer,
  injectLora,
  loadTensorFlow,
  loraSummary,
  mergeLora,
  trainingTask,
  trainToEnd,
} from 'tfjs-lora';
import { shuffledSampler } from 'tfjs-lora/data';

const SIZE = 224;
const CORNERS = [3, 4, 6];
const STEPS = Number(process.env.STEPS ?? 40);

/** Two forms of MobileNetV2: a file of nsfwjs, how it is loaded, and the pointwise convolutions by name. */
const forms = [
  {
    title: 'LayersModel',
    file: 'mobilenet_v2',
    load: loadFeatureLayers,
    targets: '(.*_(expand|project)|Conv_1)',
    asLayer: (model) => model,
  },
  {
    title: 'GraphModel',
    file: 'mobilenet_v2_mid',
    load: (handler) => tf.loadGraphModel(handler),
    targets: '.*/(expand/Relu6|project/.*|Conv_1/Relu6)',
    // The node whose output the classifier of nsfwjs takes.
    asLayer: (model) =>
      graphModelLayer(model, {
        output:
          'StatefulPartitionedCall/sequential/keras_layer/StatefulPartitionedCall/StatefulPartitionedCall/StatefulPartitionedCall/predict/feature_vector/SpatialSqueeze',
      }),
  },
];

/** Returns the part of the LayersModel before its classifier. */
async function loadFeatureLayers(handler) {
  const { inputs, layers } = await tf.loadLayersModel(handler);
  return tf.model({ inputs, outputs: layers.find(({ name }) => name === 'flatten_1').output });
}

/** Installs nsfwjs on the first call. Its models are JavaScript files with the weights in base64. */
function readModel(file) {
  const folder = resolve('runs/nsfwjs');
  const models = resolve(folder, 'node_modules/nsfwjs/dist/models', file);
  if (!existsSync(models)) {
    const options = [
      '--no-save',
      '--loglevel=error',
      '--no-audit',
      '--no-fund',
      '--legacy-peer-deps',
      '--ignore-scripts',
    ];
    execFileSync('npm', ['install', '--prefix', folder, ...options, 'nsfwjs@4.4.0'], {
      shell: process.platform === 'win32',
    });
  }
  const require = createRequire(import.meta.url);
  const { modelTopology, weightsManifest } = require(resolve(models, 'model.min.js'));
  const shards = readdirSync(models).filter((name) => name.includes('shard'));
  const bytes = Buffer.concat(
    shards.sort().map((name) => Buffer.from(require(resolve(models, name)), 'base64')),
  );
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  return tf.io.fromMemory({ modelTopology, weightSpecs, weightData });
}

/** Random numbers from 0 to 1 (mulberry32), so that each run draws the same polygons. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Draws regular polygons of random place, size, angle and colours: pixels from 0 to 1. */
function drawPolygons(count, seed) {
  const random = randomNumbers(seed);
  const images = new Float32Array(count * SIZE * SIZE * 3);
  const labels = Int32Array.from({ length: count }, (_, row) => row % CORNERS.length);
  for (let row = 0; row < count; row++) {
    const sides = CORNERS[labels[row]];
    const [x0, y0, radius] = [0.35 + 0.3 * random(), 0.35 + 0.3 * random(), 0.18 + 0.15 * random()];
    const [turn, apothem] = [2 * Math.PI * random(), Math.cos(Math.PI / sides)];
    const colours = [0, 1].map(() => [random(), random(), random()]);
    for (let pixel = 0; pixel < SIZE * SIZE; pixel++) {
      const [x, y] = [(pixel % SIZE) / SIZE - x0, Math.floor(pixel / SIZE) / SIZE - y0];
      const sector = (2 * Math.PI) / sides;
      const angle = (((Math.atan2(y, x) + turn) % sector) + sector) % sector;
      const inside = Math.hypot(x, y) * Math.cos(angle - sector / 2) < radius * apothem;
      for (let channel = 0; channel < 3; channel++)
        images[3 * (row * SIZE * SIZE + pixel) + channel] = colours[inside ? 1 : 0][channel];
    }
  }
  return { images, labels, count };
}

async function train(model, { images, labels, count }) {
  const task = trainingTask({
    model,
    data: {
      rows: count,
      inputs: [{ values: images, featureShape: [SIZE, SIZE, 3] }],
      labels: { values: labels, featureShape: [] },
    },
    batchSize: 8,
    optimizer: { rule: { kind: 'adam' }, learningRate: 3e-3 },
    seed: 0,
  });
  const engine = createEngine('graph', task, { steps: STEPS });
  const start = performance.now();
  const { meanLoss } = await trainToEnd({
    task,
    engine,
    sampler: shuffledSampler({ rows: count, seed: 0 }),
    steps: STEPS,
  });
  engine.dispose();
  return `mean loss ${meanLoss.toFixed(2)}, ${((1000 * STEPS) / (performance.now() - start)).toFixed(1)} steps/s`;
}

function accuracy(model, { images, labels, count }) {
  const right = tf.tidy(() => {
    const predicted = model.predict(tf.tensor(images, [count, SIZE, SIZE, 3]), { batchSize: 8 });
    return tf.sum(tf.equal(tf.argMax(predicted, 1), tf.tensor(labels, [count], 'int32'))).dataSync()[0];
  });
  return `${((100 * right) / count).toFixed(0)} %`;
}

const { device } = await loadTensorFlow();
const trainSet = drawPolygons(240, 1);
const testSet = drawPolygons(90, 2);
console.log(`counting corners (${CORNERS.join(', ')}) on ${device}, ${STEPS} steps of 8 images`);

for (const { title, file, load, targets, asLayer } of forms) {
  const mobileNet = await load(readModel(file));
  for (const trainsAdapter of [false, true]) {
    const adapted = injectLora(mobileNet, { rank: 4, alpha: 8, targets });
    const layer = asLayer(adapted);
    layer.trainable = trainsAdapter;
    const head = tf.layers.dense({
      name: 'corners',
      units: CORNERS.length,
      kernelInitializer: tf.initializers.glorotUniform({ seed: 1 }),
    });
    const model = tf.sequential({
      layers: [tf.layers.inputLayer({ inputShape: [SIZE, SIZE, 3] }), layer, head],
    });
    const { baseParameters, trainableParameters } = loraSummary(adapted);
    const before = accuracy(model, testSet);
    const progress = await train(model, trainSet);
    const trained = trainsAdapter
      ? `head and adapter (${trainableParameters} of ${baseParameters} values)`
      : 'head only';
    console.log(
      `${title}, ${trained}: accuracy ${before} before, ${accuracy(model, testSet)} after, ${progress}`,
    );
    if (trainsAdapter) {
      const merged = mergeLora(adapted); // a plain model: merged.save('file://merged')
      console.log(`merged: ${merged.inputs.length} input, ${merged.outputs.length} output`);
      merged.dispose();
      disableAdapters(adapted);
      console.log(`adapter off: accuracy ${accuracy(model, testSet)}`);
    }
    adapted.dispose();
  }
}

// A MobileNetV2 that was converted for TensorFlow.js, a GraphModel, learns to count the corners of drawn polygons.
//
//     node examples/adapt-mobilenet.mjs
//
// The model comes from the npm package nsfwjs, which is installed into runs/nsfwjs. Its classifier is replaced by a new head.
// Two models have the same number of steps: one trains only the head, the other the head and an adapter on all pointwise
// convolutions. It takes a few minutes on a CPU; STEPS=4 is a quick try.
import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
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
/** The node whose output the classifier of nsfwjs takes. */
const FEATURES =
  'StatefulPartitionedCall/sequential/keras_layer/StatefulPartitionedCall/StatefulPartitionedCall/StatefulPartitionedCall/predict/feature_vector/SpatialSqueeze';
const CORNERS = [3, 4, 6];
const STEPS = Number(process.env.STEPS ?? 40);

/** Reads the GraphModel of nsfwjs, whose files are JavaScript with the weights in base64. */
async function loadMobileNet() {
  const folder = resolve('runs/nsfwjs');
  const models = resolve(folder, 'node_modules/nsfwjs/dist/models/mobilenet_v2_mid');
  if (!existsSync(models))
    execFileSync('npm', [
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--legacy-peer-deps',
      '--ignore-scripts',
      'nsfwjs@4.4.0',
    ]);
  const require = createRequire(import.meta.url);
  const { modelTopology, weightsManifest } = require(resolve(models, 'model.min.js'));
  const shards = [1, 2].map((shard) =>
    Buffer.from(require(resolve(models, `group1-shard${shard}of2.min.js`)), 'base64'),
  );
  const bytes = Buffer.concat(shards);
  const weightData = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.length);
  const weightSpecs = weightsManifest.flatMap(({ weights }) => weights);
  return tf.loadGraphModel(tf.io.fromMemory({ modelTopology, weightSpecs, weightData }));
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
const mobileNet = await loadMobileNet();
const trainSet = drawPolygons(240, 1);
const testSet = drawPolygons(90, 2);
console.log(`counting corners (${CORNERS.join(', ')}) on ${device}, ${STEPS} steps of 8 images`);

for (const trainsAdapter of [false, true]) {
  const adapted = injectLora(mobileNet, {
    rank: 4,
    alpha: 8,
    targets: '.*/(expand/Relu6|project/.*|Conv_1/Relu6)',
  });
  const layer = graphModelLayer(adapted, { output: FEATURES });
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
  const title = trainsAdapter
    ? `head and adapter (${trainableParameters} of ${baseParameters} values)`
    : 'head only';
  console.log(`${title}: ${progress}, accuracy ${before} before, ${accuracy(model, testSet)} after`);
  if (trainsAdapter) {
    const merged = mergeLora(adapted); // a plain GraphModel: merged.save('file://merged')
    console.log(`merged: ${merged.inputs.length} input, ${merged.outputs.length} output`);
    disableAdapters(adapted);
    console.log(`adapter off: accuracy ${accuracy(model, testSet)}`);
    merged.dispose();
  }
  adapted.dispose();
}

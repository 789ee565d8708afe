// tfjs-lora: adapting MobileNetV2 with one of its engines.
import * as tf from '@tensorflow/tfjs';
import { shuffledSampler } from '../../dist/data/index.js';
import { graphModelLayer, injectLora } from '../../dist/graph-models/index.js';
import { loadTensorFlow } from '../../dist/tensorflow/index.js';
import { createEngine, trainingTask } from '../../dist/training/index.js';
import { createMobileNet, LORA, randomImages, SIZE } from './mobilenet.mjs';
import { readWork, serve } from './round-protocol.mjs';

const work = readWork();
const batchSize = /** @type {number} */ (work.batch);
await loadTensorFlow({ device: work.device ?? 'cpu', threads: work.threads, tf32: work.tf32 });
const { count, images, labels } = randomImages(8 * batchSize);
const model = tf.sequential({
  layers: [
    tf.layers.inputLayer({ inputShape: [SIZE, SIZE, 3] }),
    graphModelLayer(injectLora(await createMobileNet(), LORA)),
  ],
});
const task = trainingTask({
  model,
  data: {
    rows: count,
    inputs: [{ values: images, featureShape: [SIZE, SIZE, 3] }],
    labels: { values: labels, featureShape: [] },
  },
  batchSize,
  optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
  seed: 0,
});
const name = /** @type {import('../../dist/training/index.js').EngineName} */ (work.engine);
const engine = createEngine(name, task, { steps: 1000 });
const sampler = shuffledSampler({ rows: count, seed: 0 });
let stepsDone = 0;
await serve(
  () => {
    engine.run(sampler.take(stepsDone * batchSize, work.stepsPerCall * batchSize));
    stepsDone += work.stepsPerCall;
    return work.stepsPerCall;
  },
  work.seconds,
  () => `engine ${engine.name}`,
);

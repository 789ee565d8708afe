// Plain tfjs on the same native TensorFlow: adapters written by hand, which replace the kernels of the graph for a call.
import * as tf from '@tensorflow/tfjs';
import { shuffledSampler } from '../../dist/data/index.js';
import { loadTensorFlow } from '../../dist/tensorflow/index.js';
import { CLASSES, createMobileNet, LORA, randomImages, SIZE } from './mobilenet.mjs';
import { readWork, serve } from './round-protocol.mjs';

const work = readWork();
const batchSize = /** @type {number} */ (work.batch);
await loadTensorFlow({ device: work.device ?? 'cpu', threads: work.threads, tf32: work.tf32 });
const { count, ...data } = randomImages(8 * batchSize);
const images = tf.tensor4d(data.images, [count, SIZE, SIZE, 3]);
const labels = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(data.labels, 'int32'), CLASSES), 'float32'));
const network = await createMobileNet();
/** @type {Record<string, tf.Tensor[]>} name -> [tensor]; read at each execution */
const weights = /** @type {any} */ (network).executor.weightMap;
const { rank, alpha, targets } = LORA;
const isTarget = new RegExp(`^(${targets})/weights$`);
const adapters = Object.keys(weights)
  .filter((name) => isTarget.test(name))
  .map((name) => {
    const [kernel] = /** @type {[tf.Tensor]} */ (weights[name]);
    const [inputs, outputs] = /** @type {[number, number]} */ (kernel.shape.slice(2));
    const a = tf.variable(tf.randomNormal([inputs, rank], 0, 1 / rank, 'float32', inputs));
    return { name, kernel, a, b: tf.variable(tf.zeros([rank, outputs])) };
  });
const variables = adapters.flatMap(({ a, b }) => [a, b]);
const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);
const sampler = shuffledSampler({ rows: count, seed: 0 });
let stepsDone = 0;

await serve(() => {
  tf.tidy(() => {
    const rows = tf.tensor1d(sampler.take(stepsDone * batchSize, batchSize), 'int32');
    const [x, y] = [tf.gather(images, rows), tf.gather(labels, rows)];
    const loss = () => tf.losses.softmaxCrossEntropy(y, adaptedLogits(x));
    optimizer.minimize(/** @type {() => tf.Scalar} */ (loss), true, variables)?.dataSync();
  });
  stepsDone++;
  return 1;
}, work.seconds);

/** @param {tf.Tensor} x */
function adaptedLogits(x) {
  for (const { name, kernel, a, b } of adapters) {
    const update = tf.mul(tf.matMul(a, b), alpha / rank);
    weights[name] = [tf.add(kernel, tf.reshape(update, kernel.shape))];
  }
  const logits = /** @type {tf.Tensor} */ (network.predict(x));
  for (const { name, kernel } of adapters) weights[name] = [kernel];
  return logits;
}

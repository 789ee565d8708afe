// Plain tfjs-node as in its documentation (optimizer.minimize, model.trainOnBatch, model.predict), on the same native
// TensorFlow.
import * as tf from '@tensorflow/tfjs';
import { shuffledSampler } from '../../dist/data/index.js';
import { loadMnist } from '../../dist/mnist-data-loader/index.js';
import { mnistNormalization, normalize } from '../../dist/models/index.js';
import { loadTensorFlow } from '../../dist/tensorflow/index.js';
import { buildModel } from './models.mjs';
import { readWork, serve } from './round-protocol.mjs';

const work = readWork();
await loadTensorFlow({ device: work.device ?? 'cpu', threads: work.threads, tf32: work.tf32 });
const { train, test } = await loadMnist({ directory: work.data });
const model = buildModel(work);
const shape = model.inputs[0]?.shape.slice(1).map((size) => size ?? 1) ?? [];
const optimizer = tf.train.adam(1e-3, 0.9, 0.999, 1e-8);

if (work.task === 'evaluation') {
  await serve(() => {
    tf.tidy(() => {
      const images = normalize(
        tf.tensor(new Float32Array(test.images), [test.count, ...shape]),
        mnistNormalization,
      );
      const logits = /** @type {tf.Tensor2D} */ (model.predict(images, { batchSize: 1000 }));
      const labels = tf.oneHot(tf.tensor1d(test.labels, 'int32'), 10);
      logits.argMax(1).dataSync();
      tf.softmax(logits).max(1).dataSync();
      tf.losses.softmaxCrossEntropy(labels, logits).dataSync();
    });
    return 1;
  }, work.seconds);
} else {
  const batch = /** @type {number} */ (work.batch);
  // All images are on the device and normalised once.
  const images = tf.tidy(() =>
    normalize(tf.tensor(new Float32Array(train.images), [train.count, ...shape]), mnistNormalization),
  );
  const labels = tf.tidy(() => tf.cast(tf.oneHot(tf.tensor1d(train.labels, 'int32'), 10), 'float32'));
  const sampler = shuffledSampler({ rows: train.count, seed: 0 });
  model.compile({ optimizer, loss: (target, logits) => tf.losses.softmaxCrossEntropy(target, logits) });
  const step = work.engine === 'minimize' ? minimizeStep : trainOnBatchStep;
  let stepsDone = 0;
  await serve(async () => {
    const rows = tf.tensor1d(sampler.take(stepsDone * batch, batch), 'int32');
    const [x, y] = [tf.gather(images, rows), tf.gather(labels, rows)];
    await step(x, y);
    tf.dispose([rows, x, y]);
    stepsDone++;
    return 1;
  }, work.seconds);
}

/**
 * @param {tf.Tensor} x
 * @param {tf.Tensor} y
 */
function minimizeStep(x, y) {
  const logits = () => /** @type {tf.Tensor} */ (model.apply(x, { training: true }));
  const loss = optimizer.minimize(() => tf.losses.softmaxCrossEntropy(y, logits()), true);
  loss?.dataSync();
  loss?.dispose();
}

/**
 * @param {tf.Tensor} x
 * @param {tf.Tensor} y
 */
async function trainOnBatchStep(x, y) {
  await model.trainOnBatch(x, y);
}

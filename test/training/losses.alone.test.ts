import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import { TrainingError, UsageError } from '../../src/errors.ts';
import { loadTensorFlow } from '../../src/tensorflow/index.ts';
import { lossFunction, meanLoss } from '../../src/training/losses.ts';
import { largestDifference } from '../helpers/parity.ts';

const LOGITS = [
  [2, -1, 0.5],
  [0, 0, 0],
  [-3, 4, 200],
  [-60, 0.25, 1],
];
const LABELS = [0, 2, 1, 2];

/** ln(sum(e^z)) - z[label] in double precision. */
function crossEntropies(): number[] {
  return LOGITS.map((row, index) => {
    const largest = Math.max(...row);
    return largest + Math.log(row.reduce((sum, z) => sum + Math.exp(z - largest), 0)) - row[LABELS[index]!]!;
  });
}

describe.for(['cpu', 'js'] as const)('on the device %s', (device) => {
  beforeAll(async () => {
    await loadTensorFlow({ device });
  });

  test('cross-entropy is ln(sum(e^z)) - z[label], and its gradient is softmax - one-hot', () => {
    const labels = tf.tensor1d(LABELS, 'int32');
    const { value, grad } = tf.valueAndGrad((logits: tf.Tensor) =>
      meanLoss(lossFunction('cross-entropy'), logits, labels),
    )(tf.tensor2d(LOGITS));
    const expected = crossEntropies().reduce((sum, loss) => sum + loss) / 4;
    // The loss is about 50, whose float32 neighbors are 4e-6 apart.
    expect(value.dataSync()[0]).toBeCloseTo(expected, 4);
    const oneHot = tf.oneHot(labels, 3);
    const gradient = tf.softmax(tf.tensor2d(LOGITS)).sub(oneHot).div(4);
    expect(largestDifference(grad.dataSync(), gradient.dataSync())).toBeLessThan(1e-6);
  });

  test('class weights make the loss and its gradient a weighted mean', () => {
    const weights = [0.5, 3, 2];
    const { value, grad } = tf.valueAndGrad((logits: tf.Tensor) =>
      meanLoss(lossFunction('cross-entropy'), logits, tf.tensor1d(LABELS, 'int32'), weights),
    )(tf.tensor2d(LOGITS));
    const rowWeights = LABELS.map((label) => weights[label]!);
    const total = rowWeights.reduce((sum, weight) => sum + weight);
    const expected = crossEntropies().reduce((sum, loss, row) => sum + loss * rowWeights[row]!, 0) / total;
    expect(value.dataSync()[0]).toBeCloseTo(expected, 4);
    const scale = tf.tensor2d(
      rowWeights.map((weight) => weight / total),
      [4, 1],
    );
    const gradient = tf
      .softmax(tf.tensor2d(LOGITS))
      .sub(tf.oneHot(tf.tensor1d(LABELS, 'int32'), 3))
      .mul(scale);
    expect(largestDifference(grad.dataSync(), gradient.dataSync())).toBeLessThan(1e-6);
  });
});

test('binary cross-entropy does not overflow for large logits', () => {
  const logits = tf.tensor2d([2, -1, 300, -300], [4, 1]);
  const loss = meanLoss(lossFunction('binary-cross-entropy'), logits, tf.tensor1d([1, 0, 0, 0], 'int32'));
  const expected = (Math.log(1 + Math.exp(-2)) + Math.log(1 + Math.exp(-1)) + 300 + 0) / 4;
  expect(loss.dataSync()[0]).toBeCloseTo(expected, 4);
});

test('mean squared error is the mean of all values', () => {
  const predictions = tf.tensor2d([1, 2, 3, 4], [2, 2]);
  const labels = tf.tensor2d([1, 0, 0, 0], [2, 2]);
  expect(meanLoss(lossFunction('mean-squared-error'), predictions, labels).dataSync()[0]).toBe(29 / 4);
});

test('a custom loss returns its mean, or one loss per example', () => {
  const predictions = tf.tensor1d([1, 2, 6]);
  expect(meanLoss((values) => values, predictions, predictions).dataSync()[0]).toBe(3);
  expect(meanLoss((values) => values.max(), predictions, predictions).dataSync()[0]).toBe(6);
});

test('class weights are rejected for a loss that is a scalar', () => {
  const predictions = tf.tensor1d([1, 2]);
  const loss = () => meanLoss((values) => values.mean(), predictions, predictions, [1, 1]);
  expect(loss).toThrow(TrainingError);
  expect(loss).toThrow('class weights need one loss per example, of shape [2]');
});

test('an unknown loss is rejected with the names of all losses', () => {
  expect(() => lossFunction('hinge' as 'cross-entropy')).toThrow(UsageError);
  expect(() => lossFunction('hinge' as 'cross-entropy')).toThrow(
    "unknown loss 'hinge'; choose from cross-entropy, binary-cross-entropy, mean-squared-error",
  );
});

test('labels of another size than the predictions are rejected', () => {
  const loss = () => meanLoss(lossFunction('mean-squared-error'), tf.ones([2, 3]), tf.ones([2]));
  expect(loss).toThrow('labels of shape [2] do not fit predictions of shape [2,3]');
});

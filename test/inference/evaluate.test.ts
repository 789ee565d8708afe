import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { evaluate } from '../../src/inference/index.ts';
import { smallNet, stripes } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

/** A model whose logits are its inputs. */
function identityModel(size: number): tf.LayersModel {
  const layer = tf.layers.dense({ units: size, inputShape: [size], kernelInitializer: 'identity' });
  return tf.sequential({ layers: [layer] });
}

/** Leaves pixels as they are. */
const unchanged = { mean: 0, std: 1 / 255 };
const normalization = { mean: 0.1, std: 0.3 };

/** Images of 1 x 3 pixels. */
function imagesOf(rows: readonly number[][], labels: readonly number[]) {
  return {
    images: Uint8Array.from(rows.flat()),
    labels: Uint8Array.from(labels),
    count: rows.length,
    height: 1,
    width: 3,
    classes: 3,
  };
}

test('returns predictions, confidences and loss of the softmax', () => {
  const dataset = imagesOf(
    [
      [1, 2, 0],
      [3, 0, 0],
    ],
    [1, 2],
  );
  const result = evaluate(identityModel(3), dataset, { normalization: unchanged });
  const [sum0, sum1] = [Math.exp(1) + Math.exp(2) + 1, Math.exp(3) + 2];
  expect([...result.predictions]).toEqual([1, 0]);
  // The logits are float32.
  expect(result.confidences[0]).toBeCloseTo(Math.exp(2) / sum0, 5);
  expect(result.confidences[1]).toBeCloseTo(Math.exp(3) / sum1, 5);
  expect(result.loss).toBeCloseTo((Math.log(sum0) - 2 + Math.log(sum1)) / 2, 5);
  expect(result.classNames).toEqual(['0', '1', '2']);
});

test('predicts the lowest label of equal logits', () => {
  const dataset = imagesOf(
    [
      [0, 0, 0],
      [1, 4, 4],
    ],
    [0, 0],
  );
  const result = evaluate(identityModel(3), dataset, { normalization: unchanged });
  expect([...result.predictions]).toEqual([0, 1]);
  expect(result.confidences[0]).toBeCloseTo(1 / 3, 6);
});

test('large logits do not overflow', () => {
  const dataset = imagesOf([[255, 0, 0]], [1]);
  const result = evaluate(identityModel(3), dataset, { normalization: unchanged });
  expect([result.loss, result.confidences[0]]).toEqual([255, 1]);
});

test('a loss far below the precision of float32 around 1 is exact', () => {
  const dataset = imagesOf([[40, 1, 0]], [0]);
  const result = evaluate(identityModel(3), dataset, { normalization: unchanged });
  const expected = Math.log1p(Math.exp(-39) + Math.exp(-40));
  expect(result.loss / expected).toBeCloseTo(1, 5);
});

test('logits that are not numbers give class 0, and neither confidence nor loss', () => {
  const dataset = imagesOf([[1, 2, 3]], [1]);
  const model = identityModel(3);
  model.setWeights(model.getWeights().map((weight) => tf.fill(weight.shape, Number.NaN)));
  const { predictions, confidences, loss } = evaluate(model, dataset, { normalization: unchanged });
  expect([predictions[0], confidences[0], loss]).toEqual([0, Number.NaN, Number.NaN]);
});

test('the result does not depend on the batch size, even if it does not divide the count', () => {
  const model = smallNet();
  const whole = evaluate(model, stripes(), { normalization });
  const parts = evaluate(model, stripes(), { normalization, batchSize: 7 });
  expect(parts.predictions).toEqual(whole.predictions);
  // A matrix product may add in another order for another batch size.
  expect(parts.loss).toBeCloseTo(whole.loss, 6);
});

test('passes images to the model in its input shape', () => {
  const flat = evaluate(smallNet(), stripes(), { normalization });
  const images = evaluate(smallNet({ inputShape: [4, 4, 1] }), stripes(), { normalization });
  expect(images.predictions).toEqual(flat.predictions);
});

test('leaves no tensors behind', () => {
  const model = smallNet();
  const before = tf.memory().numTensors;
  evaluate(model, stripes(), { normalization, batchSize: 7 });
  expect(tf.memory().numTensors).toBe(before);
});

test('rejects an empty data set, which has neither loss nor accuracy', () => {
  const run = () => evaluate(smallNet(), stripes(0), { normalization });
  expect(run).toThrow(DataError);
  expect(run).toThrow('there are no images to evaluate on');
});

test('rejects a label that is not a class of the model', () => {
  const run = () => evaluate(identityModel(3), imagesOf([[1, 2, 3]], [3]), { normalization });
  expect(run).toThrow(DataError);
  expect(run).toThrow('label 3 in row 0 is outside the 3 classes (0 to 2)');
});

test('rejects a model with two inputs', () => {
  const inputs = [tf.input({ shape: [3] }), tf.input({ shape: [3] })];
  const joined = tf.layers.concatenate().apply(inputs) as tf.SymbolicTensor;
  const outputs = tf.layers.dense({ units: 3 }).apply(joined) as tf.SymbolicTensor;
  const run = () => evaluate(tf.model({ inputs, outputs }), imagesOf([[1, 2, 3]], [1]), { normalization });
  expect(run).toThrow('the model takes 2 inputs; images need a model with one input');
});

test('rejects images with another number of pixels', () => {
  const run = () => evaluate(identityModel(4), imagesOf([[1, 2, 3]], [1]), { normalization });
  expect(run).toThrow('images have 1 x 3 pixels, but the model takes [4]');
});

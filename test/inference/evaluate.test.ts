import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { evaluate } from '../../src/inference/evaluate.ts';
import { smallNet, stripes } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

/** A model whose logits are its inputs. */
function echo(size: number): tf.LayersModel {
  const layer = tf.layers.dense({ units: size, inputShape: [size], kernelInitializer: 'identity' });
  return tf.sequential({ layers: [layer] });
}

const raw = { mean: 0, std: 1 / 255 };

function images(rows: readonly number[][], labels: readonly number[]) {
  const bytes = Uint8Array.from(rows.flat());
  return {
    images: bytes,
    labels: Uint8Array.from(labels),
    count: rows.length,
    height: 1,
    width: 3,
    classes: 3,
  };
}

test('predictions, confidences and the loss are those of the softmax', () => {
  const dataset = images(
    [
      [1, 2, 0],
      [3, 0, 0],
    ],
    [1, 2],
  );
  const result = evaluate(echo(3), dataset, { normalization: raw });
  const sums = [Math.exp(1) + Math.exp(2) + 1, Math.exp(3) + 2];
  expect([...result.predictions]).toEqual([1, 0]);
  expect(result.confidences[0]).toBeCloseTo(Math.exp(2) / sums[0]!, 5);
  expect(result.confidences[1]).toBeCloseTo(Math.exp(3) / sums[1]!, 5);
  expect(result.loss).toBeCloseTo((Math.log(sums[0]!) - 2 + Math.log(sums[1]!)) / 2, 5);
  expect(result.classNames).toEqual(['0', '1', '2']);
});

test('the lowest class wins ties, so a row without any signal reads as class 0', () => {
  const result = evaluate(
    echo(3),
    images(
      [
        [0, 0, 0],
        [1, 4, 4],
      ],
      [0, 0],
    ),
    { normalization: raw },
  );
  expect([...result.predictions]).toEqual([0, 1]);
  expect(result.confidences[0]).toBeCloseTo(1 / 3, 6);
});

test('large logits do not overflow', () => {
  const result = evaluate(echo(3), images([[255, 0, 0]], [1]), { normalization: raw });
  expect([result.loss, result.confidences[0]]).toEqual([255, 1]);
});

test('the batch size does not change the result, also where it does not divide the count', () => {
  const model = smallNet();
  const normalization = { mean: 0.1, std: 0.3 };
  const whole = evaluate(model, stripes(), { normalization });
  const parts = evaluate(model, stripes(), { normalization, batchSize: 7 });
  expect(parts.predictions).toEqual(whole.predictions);
  expect(parts.loss).toBeCloseTo(whole.loss, 6);
});

test('a model that takes pictures is given pictures', () => {
  const normalization = { mean: 0.1, std: 0.3 };
  const flat = evaluate(smallNet(), stripes(), { normalization });
  const pictures = evaluate(smallNet({ inputShape: [4, 4, 1] }), stripes(), { normalization });
  expect(pictures.predictions).toEqual(flat.predictions);
});

test('evaluating leaves no tensors behind', () => {
  const model = smallNet();
  const before = tf.memory().numTensors;
  evaluate(model, stripes(), { normalization: raw, batchSize: 7 });
  expect(tf.memory().numTensors).toBe(before);
});

test('a label outside the classes of the model is refused', () => {
  const run = () => evaluate(echo(3), images([[1, 2, 3]], [3]), { normalization: raw });
  expect(run).toThrow(DataError);
  expect(run).toThrow('data: label 3 in row 0 is outside the 3 classes (0 to 2)');
});

test('a model of two inputs is refused as what it is', () => {
  const inputs = [tf.input({ shape: [3] }), tf.input({ shape: [3] })];
  const joined = tf.layers.concatenate().apply(inputs) as tf.SymbolicTensor;
  const outputs = tf.layers.dense({ units: 3 }).apply(joined) as tf.SymbolicTensor;
  expect(() =>
    evaluate(tf.model({ inputs, outputs }), images([[1, 2, 3]], [1]), { normalization: raw }),
  ).toThrow('the model takes 2 inputs; images need a model with one input');
});

test('images of another size are refused', () => {
  expect(() => evaluate(echo(4), images([[1, 2, 3]], [1]), { normalization: raw })).toThrow(
    'images have 1 x 3 pixels, but the model takes [4]',
  );
});

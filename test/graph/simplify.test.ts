import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import {
  compileFunction,
  countOps,
  type InputSpec,
  record,
  simplify,
  type TensorFunction,
} from '../../src/graph/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const float = (...shape: number[]): InputSpec => ({ shape, dtype: 'float32' });

function opsOf(fn: TensorFunction, ...inputs: InputSpec[]) {
  return Object.fromEntries([...countOps(simplify(record(fn, inputs).program))].sort());
}

test('removes reshapes and casts without effect, and the first of two reshapes', () => {
  expect(opsOf((x) => [x!.reshape([6]).reshape([3, 2]).exp()], float(2, 3))).toEqual({ Exp: 1, Reshape: 1 });
  expect(opsOf((x) => [x!.reshape([6]).reshape([2, 3]).exp()], float(2, 3))).toEqual({ Exp: 1 });
  expect(opsOf((x) => [x!.cast('float32').cast('int32')], float(2))).toEqual({ Cast: 1 });
});

test('a dense layer becomes MatMul, Add and Relu, and its gradient MatMul, ReluGrad and Sum', () => {
  const layer = tf.layers.dense({ units: 4, activation: 'relu', inputShape: [3] });
  tf.sequential({ layers: [layer] });
  const [kernel, bias] = layer.weights.map((weight) => weight.read() as tf.Variable);
  const forward: TensorFunction = (x) => [layer.apply(x!) as tf.Tensor];
  expect(opsOf(forward, float(5, 3))).toEqual({ Add: 1, MatMul: 1, Relu: 1 });
  const backward: TensorFunction = (x) => {
    const { grads } = tf.variableGrads(() => tf.sum(layer.apply(x!) as tf.Tensor), [kernel!, bias!]);
    return [grads[kernel!.name]!, grads[bias!.name]!];
  };
  expect(opsOf(backward, float(5, 3))).toEqual({ Add: 1, MatMul: 2, ReluGrad: 1, Sum: 1 });
});

test('ops on constants alone are constants', () => {
  expect(opsOf((x) => [tf.add(x!, tf.exp(tf.sum(tf.ones([3]))))], float(2))).toEqual({ Add: 1 });
});

test('equal ops run once; ops with different attributes or constants are kept', () => {
  expect(opsOf((x) => [tf.exp(x!), tf.exp(x!)], float(2))).toEqual({ Exp: 1 });
  expect(opsOf((x) => [tf.mul(x!, 2), tf.mul(x!, 3), tf.mul(x!, 2)], float(2))).toEqual({ Mul: 2 });
  const square: InputSpec = float(2, 2);
  expect(opsOf((x) => [x!.matMul(x!), x!.matMul(x!, true)], square)).toEqual({ MatMul: 2 });
});

test('removes transposes that keep the order of the axes', () => {
  expect(opsOf((x) => [x!.transpose([0, 1]).exp()], float(2, 3))).toEqual({ Exp: 1 });
  expect(opsOf((x) => [x!.transpose([1, 0]).exp()], float(2, 3))).toEqual({ Exp: 1, Transpose: 1 });
});

test('elementwise ops run before their operands are repeated', () => {
  const mean = (x: tf.Tensor) => x.mean(1, true).tile([1, 3]);
  expect(opsOf((x) => [x!.sub(mean(x!))], float(2, 3))).toEqual({ Mean: 1, Sub: 1 });
  expect(opsOf((x) => [mean(x!).add(1).sqrt()], float(2, 3))).toEqual({
    Add: 1,
    BroadcastTo: 1,
    Mean: 1,
    Sqrt: 1,
  });
  expect(opsOf((x) => [x!.mul(tf.ones([2, 3]))], float(2, 3))).toEqual({});
  expect(opsOf((x) => [x!.mul(tf.ones([2, 3])).sub(2)], float(2, 1))).toEqual({ BroadcastTo: 1, Sub: 1 });
  expect(opsOf((x) => [x!.tile([2, 1]).exp()], float(2, 3))).toEqual({ Exp: 1, Tile: 1 });
});

test('products of larger batches and sums over other axes are kept', () => {
  expect(opsOf((x) => [x!.matMul(x!)], float(2, 3, 3))).toEqual({ BatchMatMulV2: 1 });
  expect(opsOf((x) => [x!.reshape([1, 2, 3]).sum(1)], float(6))).toEqual({ Reshape: 1, Sum: 1 });
});

/** The identity, whose gradient passes through unchanged. */
const identity = tf.customGrad((x) => ({
  value: (x as tf.Tensor).clone(),
  gradFunc: (dy) => [dy as tf.Tensor],
}));

test.for<[string, (x: tf.Tensor, y: tf.Tensor) => tf.Tensor[], number[], number[]]>([
  ['the gradient of relu', (x, y) => [tf.grad((a) => tf.mul(tf.relu(a), y).sum())(x)], [2, 3], [2, 3]],
  [
    'a step function outside of a gradient',
    (x, y) => [tf.mul(tf.step(x), y), tf.step(x, 0.5).mul(y)],
    [2, 3],
    [2, 3],
  ],
  ['a step function times a row', (x, y) => [tf.mul(tf.step(x), y)], [2, 3], [3]],
  [
    'products of transposed matrices',
    (x, y) => [tf.matMul(x, y, true), tf.matMul(x, y, false, true)],
    [3, 3],
    [3, 3],
  ],
  [
    'a product of batches of one',
    (x, y) => [tf.matMul(x.reshape([1, 2, 3]), y.reshape([1, 3, 2])).add(tf.tensor1d([1, 2]))],
    [2, 3],
    [3, 2],
  ],
  [
    'sums over a batch of one',
    (x) => [x.reshape([1, 2, 3]).sum([0, 1]), x.reshape([1, 2, 3]).sum([0, 1], true)],
    [2, 3],
    [1],
  ],
  [
    'a layer normalization written with tile',
    (x, y) => {
      const mean = x.mean(1, true);
      const deviation = x.sub(mean.tile([1, 3]));
      const variance = deviation.square().mean(1, true).tile([1, 3]);
      return [variance, deviation.mul(variance.add(1e-3).rsqrt()).mul(y.tile([2, 1]))];
    },
    [2, 3],
    [1, 3],
  ],
  [
    'operands that are repeated along different axes',
    (x, y) => [x.tile([1, 3]).mul(y.tile([2, 1])), x.tile([1, 3]).div(y), y.tile([2, 1]).sub(x)],
    [2, 1],
    [1, 3],
  ],
  [
    'infinite constants',
    (x) => [x.minimum(tf.scalar(Number.POSITIVE_INFINITY)), x.maximum(tf.scalar(Number.NEGATIVE_INFINITY))],
    [2, 3],
    [1],
  ],
  [
    'products with ones',
    (x, y) => [x.mul(tf.ones([4, 2, 3])), tf.ones([2, 3]).mul(x).add(y), y.mul(tf.ones([1]))],
    [2, 3],
    [1],
  ],
  ['a custom gradient', (x, y) => [tf.grad((a) => tf.mul(identity(a), y).sum())(x)], [2], [2]],
])('keeps the values of %s', ([, fn, ...shapes]) => {
  const inputs = shapes.map((shape, index) => tf.randomNormal(shape, 0, 1, 'float32', index + 1));
  const compiled = compileFunction(fn as never as (...tensors: tf.Tensor[]) => tf.Tensor[]);
  const expected = fn(inputs[0]!, inputs[1]!);
  compiled(...inputs).forEach((result, index) => {
    expect(result.shape).toEqual(expected[index]!.shape);
    // Values are near 1. Ten times float32's epsilon, because sums of matrices may be in another order.
    expect(largestDifference(result.dataSync(), expected[index]!.dataSync())).toBeLessThan(1e-6);
  });
  compiled.dispose();
});

import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora } from '../../src/graph-models/index.ts';
import { fused, graphModel, type NodeDef, placeholder, window } from '../helpers/graph-models.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { gradientError } from '../lora/gradients.ts';
import { randomTensor } from '../lora/models.ts';
import { randomizeGraphAdapter } from './twins.ts';

useDevice();

const int32 = (...values: number[]) => tf.tensor(values, [values.length], 'int32');
const equation = (text: string) => ({ equation: { s: btoa(text) }, N: { i: '2' } });
const masks = (shrink = 0) => ({
  begin_mask: { i: '0' },
  end_mask: { i: '0' },
  ellipsis_mask: { i: '0' },
  new_axis_mask: { i: '0' },
  shrink_axis_mask: { i: String(shrink) },
});

interface Case {
  readonly title: string;
  /** Shape of `x` without the batch. */
  readonly shape: readonly number[];
  readonly dtype?: 'int32';
  /** Nodes; the last one is the output. */
  readonly nodes: readonly NodeDef[];
  readonly weights: () => Record<string, tf.Tensor>;
  /** Shapes of A and B of the adapted nodes. */
  readonly factors: readonly (readonly number[])[];
}

const kernel = (...shape: number[]) => ({ kernel: tf.mul(randomTensor(shape, 5), 0.4) as tf.Tensor });

const cases: Case[] = [
  {
    title: 'MatMul',
    shape: [4],
    nodes: [['y', 'MatMul', ['x', 'kernel']]],
    weights: () => kernel(4, 3),
    factors: [
      [4, 2],
      [2, 3],
    ],
  },
  {
    title: 'transposed MatMul',
    shape: [4],
    nodes: [['y', 'MatMul', ['x', 'kernel'], { transpose_b: { b: true } }]],
    weights: () => kernel(3, 4),
    factors: [
      [4, 2],
      [2, 3],
    ],
  },
  {
    title: '_FusedMatMul',
    shape: [4],
    nodes: [['y', '_FusedMatMul', ['x', 'kernel', 'bias'], fused('BiasAdd', 'Elu')]],
    weights: () => ({ ...kernel(4, 3), bias: randomTensor([3], 6) }),
    factors: [
      [4, 2],
      [2, 3],
    ],
  },
  {
    title: 'BatchMatMulV2 of one matrix',
    shape: [3, 4],
    nodes: [['y', 'BatchMatMulV2', ['x', 'kernel']]],
    weights: () => kernel(4, 3),
    factors: [
      [4, 2],
      [2, 3],
    ],
  },
  {
    title: 'BatchMatMulV2 of stacked matrices',
    shape: [3, 4],
    nodes: [['y', 'BatchMatMulV2', ['x', 'kernel']]],
    weights: () => kernel(2, 4, 5),
    factors: [
      [2, 4, 2],
      [2, 2, 5],
    ],
  },
  {
    title: 'Conv2D with a bias behind it',
    shape: [4, 4, 2],
    nodes: [
      ['conv', 'Conv2D', ['x', 'kernel'], window([1, 1, 1, 1])],
      ['y', 'BiasAdd', ['conv', 'bias']],
    ],
    weights: () => ({ ...kernel(3, 3, 2, 3), bias: randomTensor([3], 6) }),
    factors: [
      [3, 3, 2, 2],
      [1, 1, 2, 3],
    ],
  },
  {
    title: '_FusedConv2D',
    shape: [4, 4, 2],
    nodes: [
      ['y', '_FusedConv2D', ['x', 'kernel', 'bias'], { ...window([1, 2, 2, 1]), ...fused('BiasAdd', 'Elu') }],
    ],
    weights: () => ({ ...kernel(3, 3, 2, 3), bias: randomTensor([3], 6) }),
    factors: [
      [3, 3, 2, 2],
      [1, 1, 2, 3],
    ],
  },
  {
    title: 'Conv1D as ExpandDims, Conv2D and Squeeze',
    shape: [5, 2],
    nodes: [
      ['image', 'ExpandDims', ['x', 'axis']],
      ['conv', 'Conv2D', ['image', 'kernel'], window([1, 1, 1, 1], 'VALID')],
      ['y', 'Squeeze', ['conv'], { squeeze_dims: { list: { i: ['1'] } } }],
    ],
    weights: () => ({ ...kernel(1, 3, 2, 3), axis: tf.scalar(1, 'int32') }),
    factors: [
      [1, 3, 2, 2],
      [1, 1, 2, 3],
    ],
  },
  {
    title: 'DepthwiseConv2dNative',
    shape: [4, 4, 3],
    nodes: [['y', 'DepthwiseConv2dNative', ['x', 'kernel'], window([1, 1, 1, 1])]],
    weights: () => kernel(3, 3, 3, 2),
    factors: [
      [3, 3, 2],
      [2, 3, 2],
    ],
  },
  {
    title: 'Conv2D, dilated',
    shape: [6, 5, 2],
    nodes: [['y', 'Conv2D', ['x', 'kernel'], window([1, 1, 1, 1], 'SAME', [1, 2, 3, 1])]],
    weights: () => kernel(3, 2, 2, 3),
    factors: [
      [3, 2, 2, 2],
      [1, 1, 2, 3],
    ],
  },
  {
    title: 'Conv2D behind a dilated one',
    shape: [6, 5, 2],
    nodes: [
      ['first', 'Conv2D', ['x', 'w1'], window([1, 1, 1, 1])],
      ['y', 'Conv2D', ['first', 'kernel'], window([1, 1, 1, 1], 'VALID', [1, 2, 2, 1])],
    ],
    weights: () => ({ ...kernel(2, 2, 2, 3), w1: randomTensor([1, 1, 2, 2], 7) }),
    factors: [
      [1, 1, 2, 2],
      [1, 1, 2, 2],
      [2, 2, 2, 2],
      [1, 1, 2, 3],
    ],
  },
  {
    title: 'DepthwiseConv2dNative, dilated',
    shape: [6, 6, 3],
    nodes: [['y', 'DepthwiseConv2dNative', ['x', 'kernel'], window([1, 1, 1, 1], 'SAME', [1, 2, 2, 1])]],
    weights: () => kernel(3, 3, 3, 2),
    factors: [
      [3, 3, 2],
      [2, 3, 2],
    ],
  },
  {
    title: 'FusedDepthwiseConv2dNative',
    shape: [4, 4, 3],
    nodes: [
      [
        'y',
        'FusedDepthwiseConv2dNative',
        ['x', 'kernel', 'bias'],
        { ...window([1, 1, 1, 1]), ...fused('BiasAdd', 'Elu') },
      ],
    ],
    weights: () => ({ ...kernel(3, 3, 3, 1), bias: randomTensor([3], 6) }),
    factors: [
      [3, 3, 2],
      [2, 3, 1],
    ],
  },
  {
    title: 'Einsum into heads',
    shape: [3, 4],
    nodes: [['y', 'Einsum', ['x', 'kernel'], equation('abc,cde->abde')]],
    weights: () => kernel(4, 2, 3),
    factors: [
      [4, 2],
      [2, 6],
    ],
  },
  {
    title: 'Einsum out of heads, with outputs first',
    shape: [3, 2, 4],
    nodes: [['y', 'Einsum', ['x', 'kernel'], equation('abde,cde->abc')]],
    weights: () => kernel(5, 2, 4),
    factors: [
      [8, 2],
      [2, 5],
    ],
  },
  {
    title: 'Einsum with one matrix for each head',
    shape: [3, 2, 4],
    nodes: [['y', 'Einsum', ['kernel', 'x'], equation('hio,bthi->btho')]],
    weights: () => kernel(2, 4, 3),
    factors: [
      [2, 4, 2],
      [2, 2, 3],
    ],
  },
  {
    title: 'GatherV2 of rows',
    shape: [3],
    dtype: 'int32',
    nodes: [['y', 'GatherV2', ['kernel', 'x', 'axis']]],
    weights: () => ({ ...kernel(6, 3), axis: tf.scalar(0, 'int32') }),
    factors: [
      [6, 2],
      [2, 3],
    ],
  },
  {
    title: 'StridedSlice of the last position and comparisons behind a MatMul',
    shape: [3, 4],
    nodes: [
      ['dense', 'BatchMatMulV2', ['x', 'kernel']],
      ['last', 'StridedSlice', ['dense', 'begin', 'end', 'strides'], masks(2)],
      ['positive', 'Greater', ['last', 'zero']],
      ['small', 'Mul', ['last', 'slope']],
      ['y', 'SelectV2', ['positive', 'last', 'small']],
    ],
    weights: () => ({
      ...kernel(4, 3),
      begin: int32(0, 2, 0),
      end: int32(4, 3, 3),
      strides: int32(1, 1, 2),
      zero: tf.scalar(0),
      slope: tf.scalar(0.1),
    }),
    factors: [
      [4, 2],
      [2, 3],
    ],
  },
  {
    title: 'DepthToSpace behind a convolution',
    shape: [2, 2, 2],
    nodes: [
      ['conv', 'Conv2D', ['x', 'kernel'], window([1, 1, 1, 1])],
      ['y', 'DepthToSpace', ['conv'], { block_size: { i: '2' }, data_format: { s: btoa('NHWC') } }],
    ],
    weights: () => kernel(1, 1, 2, 8),
    factors: [
      [1, 1, 2, 2],
      [1, 1, 2, 8],
    ],
  },
];

test.each(cases)(
  '$title: gradients equal finite differences',
  async ({ shape, dtype, nodes, weights, factors }) => {
    const x =
      dtype === 'int32'
        ? tf.tensor(
            Array.from({ length: 6 }, (_, index) => index),
            [2, 3],
            'int32',
          )
        : tf.mul(randomTensor([2, ...shape], 3), 0.7);
    const isInt = dtype === 'int32';
    const base = await graphModel({
      nodes: [
        ['x', 'Placeholder', [], placeholder([-1, ...shape], isInt ? 'DT_INT32' : 'DT_FLOAT')],
        ...nodes,
      ],
      weights: weights(),
      outputs: [nodes.at(-1)![0]],
    });
    const adapted = injectLora(base, { rank: 2, alpha: 5 });
    expect(adapted.trainableWeights.map((weight) => weight.shape)).toEqual(factors);
    randomizeGraphAdapter(adapted);
    const model = {
      trainableWeights: adapted.trainableWeights,
      apply: (input: tf.Tensor) => adapted.predict(input),
    } as unknown as tf.LayersModel;
    expect(gradientError(model, x)).toBeLessThan(5e-3);
  },
);

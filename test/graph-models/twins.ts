import * as tf from '@tensorflow/tfjs';
import type { LoraGraphModel } from '../../src/graph-models/index.ts';
import { loraLayers, readAdapter, writeAdapter } from '../../src/lora/index.ts';
import { namedWeights } from '../../src/models/index.ts';
import { fused, graphModel, type NodeDef, placeholder, window } from '../helpers/graph-models.ts';
import { randomizeAdapter, randomTensor, sequential } from '../lora/models.ts';

/** A LayersModel, and the GraphModel of the same network and weights, whose nodes have the layers' names. */
export interface Twins {
  readonly layers: tf.LayersModel;
  graph(): Promise<tf.GraphModel>;
  /** A batch of 4. */
  input(): tf.Tensor;
}

/** The weights of a LayersModel as constants `<layer>/<weight>`. */
function constantsOf(model: tf.LayersModel, reshape: Readonly<Record<string, readonly number[]>> = {}) {
  return Object.fromEntries(
    model.layers.flatMap((layer) =>
      [...namedWeights(layer)].map(([name, weight]) => {
        const path = `${layer.name}/${name}`;
        const tensor = tf.tidy(() =>
          tf.reshape(weight.read(), [...(reshape[path] ?? weight.read().shape)]).clone(),
        );
        return [path, tensor];
      }),
    ),
  );
}

const int32 = (values: number[]) => tf.tensor(values, [values.length], 'int32');

/** Convolutions, fused and not, a depthwise one, a mean over positions, and dense layers, fused and not. */
export function imageTwins(): Twins {
  const layers = sequential(
    tf.layers.conv2d({
      name: 'conv',
      inputShape: [6, 6, 2],
      filters: 4,
      kernelSize: 3,
      padding: 'same',
      activation: 'relu',
    }),
    tf.layers.depthwiseConv2d({
      name: 'depthwise',
      kernelSize: 3,
      strides: 2,
      padding: 'same',
      activation: 'relu6' as 'relu',
    }),
    tf.layers.conv2d({ name: 'plain_conv', filters: 5, kernelSize: 2, padding: 'valid' }),
    tf.layers.globalAveragePooling2d({ name: 'pool', dataFormat: 'channelsLast' }),
    tf.layers.dense({ name: 'hidden', units: 6, activation: 'elu' }),
    tf.layers.dense({ name: 'out', units: 3 }),
  );
  const nodes: NodeDef[] = [
    ['image', 'Placeholder', [], placeholder([-1, 6, 6, 2])],
    [
      'conv',
      '_FusedConv2D',
      ['image', 'conv/kernel', 'conv/bias'],
      { ...window([1, 1, 1, 1]), ...fused('BiasAdd', 'Relu') },
    ],
    [
      'depthwise',
      'FusedDepthwiseConv2dNative',
      ['conv', 'depthwise/depthwise_kernel', 'depthwise/bias'],
      { ...window([1, 2, 2, 1]), ...fused('BiasAdd', 'Relu6') },
    ],
    ['plain_conv', 'Conv2D', ['depthwise', 'plain_conv/kernel'], window([1, 1, 1, 1], 'VALID')],
    ['plain_conv_bias', 'BiasAdd', ['plain_conv', 'plain_conv/bias']],
    ['pool', 'Mean', ['plain_conv_bias', 'axes']],
    ['hidden', '_FusedMatMul', ['pool', 'hidden/kernel', 'hidden/bias'], fused('BiasAdd', 'Elu')],
    ['out', 'MatMul', ['hidden', 'out/kernel']],
    ['logits', 'AddV2', ['out', 'out/bias']],
  ];
  return {
    layers,
    graph: () =>
      graphModel({ nodes, weights: { ...constantsOf(layers), axes: int32([1, 2]) }, outputs: ['logits'] }),
    input: () => randomTensor([4, 6, 6, 2], 7),
  };
}

/** An embedding, a dense layer over positions as an einsum, and one on the flattened positions with a transposed kernel. */
export function tokenTwins(): Twins {
  const layers = sequential(
    tf.layers.embedding({ name: 'table', inputDim: 7, outputDim: 4, inputLength: 3 }),
    tf.layers.dense({ name: 'mix', units: 5, useBias: false, activation: 'tanh' }),
    tf.layers.flatten({ name: 'flatten' }),
    tf.layers.dense({ name: 'out', units: 2, useBias: false }),
  );
  const nodes: NodeDef[] = [
    ['tokens', 'Placeholder', [], placeholder([-1, 3], 'DT_INT32')],
    ['table', 'GatherV2', ['table/embeddings', 'tokens', 'axis']],
    ['mix', 'Einsum', ['table', 'mix/kernel'], { equation: { s: btoa('bti,io->bto') }, N: { i: '2' } }],
    ['mix_tanh', 'Tanh', ['mix']],
    ['flatten', 'Reshape', ['mix_tanh', 'flat_shape']],
    ['out', 'MatMul', ['flatten', 'out/kernel'], { transpose_b: { b: true } }],
  ];
  return {
    layers,
    graph: async () => {
      const { 'out/kernel': kernel, ...weights } = constantsOf(layers);
      const transposed = tf.transpose(kernel!);
      kernel!.dispose();
      return graphModel({
        nodes,
        weights: {
          ...weights,
          'out/kernel': transposed,
          axis: tf.scalar(0, 'int32'),
          flat_shape: int32([-1, 15]),
        },
        outputs: ['out'],
      });
    },
    input: () =>
      tf.tensor(
        [
          [0, 1, 2],
          [3, 4, 5],
          [6, 0, 3],
          [2, 2, 1],
        ],
        [4, 3],
        'int32',
      ),
  };
}

/** All outputs of a GraphModel in one list. */
export function graphOutputs(model: tf.GraphModel, inputs: tf.Tensor | tf.Tensor[]): number[] {
  return tf.tidy(() =>
    [model.predict(inputs) as tf.Tensor | tf.Tensor[]].flat().flatMap((output) => [...output.dataSync()]),
  );
}

/** Adds seeded normal values to every trainable weight, as training would: B is no longer zero. */
export function randomizeGraphAdapter(model: LoraGraphModel, key = 100): void {
  randomizeAdapter(model as unknown as tf.LayersModel, key);
}

/** Gives the graph the adapter of the LayersModel. The order of axes in both is the same, the number may differ. */
export function copyAdapter(from: tf.LayersModel, to: LoraGraphModel): void {
  const targets = new Map(loraLayers(to).map(({ path, layer }) => [path, layer]));
  for (const { path, layer } of loraLayers(from)) {
    const target = targets.get(path)!;
    const shapes = new Map([...readAdapter(target, 'default')].map(([name, { shape }]) => [name, shape]));
    const tensors = [...readAdapter(layer, 'default')].map(
      ([name, { values }]) => [name, { values, shape: shapes.get(name)! }] as const,
    );
    writeAdapter(target, 'default', new Map(tensors));
  }
}

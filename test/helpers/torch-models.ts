import * as tf from '@tensorflow/tfjs';
import {
  float32Values,
  int32Values,
  readSafetensors,
  type Safetensors,
} from '../../src/safetensors/index.ts';
import { withSeededWeights } from './seeded-weights.ts';

const FOLDER = 'test/fixtures/torch';

export type TorchModelName = 'cnn' | 'text' | 'sequential';

/** The models of scripts/fixtures/torch_models.py in tfjs, with seeded random weights. */
export const torchModels: Readonly<Record<TorchModelName, () => tf.LayersModel>> = {
  cnn: () => withSeededWeights(cnn()),
  text: () => withSeededWeights(text()),
  sequential: () => withSeededWeights(sequential()),
};

/** [batch, 12, 14, 2] float32 -> logits [batch, 3] */
function cnn(): tf.LayersModel {
  const inner = tf.input({ shape: [10, 12, 4] });
  const conv1 = tf.layers.conv2d({ name: 'conv1', filters: 6, kernelSize: [3, 2] }).apply(inner);
  const norm = tf.layers.batchNormalization({ name: 'norm', epsilon: 1e-5 }).apply(conv1);
  const relu = tf.layers.reLU().apply(norm);
  const conv2 = tf.layers
    .conv2d({ name: 'conv2', filters: 5, kernelSize: 3, strides: 2, useBias: false })
    .apply(relu) as tf.SymbolicTensor;
  const block = tf.model({ inputs: inner, outputs: conv2, name: 'block' });

  const image = tf.input({ shape: [12, 14, 2] });
  const stem = tf.layers.conv2d({ name: 'stem', filters: 4, kernelSize: 3, activation: 'relu' }).apply(image);
  const deep = tf.layers
    .depthwiseConv2d({ name: 'deep', kernelSize: [1, 2], depthMultiplier: 2 })
    .apply(block.apply(stem) as tf.SymbolicTensor);
  const mixed = tf.layers
    .separableConv2d({ name: 'mix', filters: 4, kernelSize: 2, activation: 'relu' })
    .apply(deep);
  const flat = tf.layers.flatten().apply(mixed);
  const normed = tf.layers.batchNormalization({ name: 'norm', epsilon: 1e-5 }).apply(flat);
  const hidden = tf.layers.dense({ name: 'linear1', units: 7, activation: 'relu' }).apply(normed);
  const logits = tf.layers.dense({ name: 'linear2', units: 3 }).apply(hidden) as tf.SymbolicTensor;
  return tf.model({ inputs: image, outputs: logits });
}

/** [batch, 9] tokens 0..19 -> logits [batch, 4] */
function text(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.embedding({ name: 'tokens', inputDim: 20, outputDim: 6, inputLength: 9 }),
      tf.layers.conv1d({ name: 'conv', filters: 8, kernelSize: 3, activation: 'relu' }),
      tf.layers.flatten(),
      tf.layers.dense({ name: 'linear', units: 5 }),
      tf.layers.layerNormalization({ name: 'norm', epsilon: 1e-5 }),
      tf.layers.dense({ name: 'head', units: 4 }),
    ],
  });
}

/** [batch, 5] float32 -> logits [batch, 3]; layers are named by the module numbers of `nn.Sequential`. */
function sequential(): tf.LayersModel {
  return tf.sequential({
    layers: [
      tf.layers.dense({ name: '0', units: 7, activation: 'relu', inputShape: [5] }),
      tf.layers.dense({ name: '2', units: 6 }),
      tf.layers.dense({ name: '11', units: 3 }),
    ],
  });
}

/** The state dict of the PyTorch model. */
export function torchStateDict(name: TorchModelName): Promise<Safetensors> {
  return readSafetensors(`${FOLDER}/${name}.safetensors`);
}

/**
 * A tensor of expected.safetensors: `<model>.input`, with its channels moved last, or `<model or adapter>.logits`
 * [batch, classes] of PyTorch or PEFT.
 */
export async function torchExpected(name: string): Promise<tf.Tensor> {
  const tensor = (await readSafetensors(`${FOLDER}/expected.safetensors`)).tensors.get(name)!;
  const shape = [...tensor.shape];
  if (tensor.dtype === 'I32') return tf.tensor(int32Values(name, tensor), shape, 'int32');
  const value = tf.tensor(float32Values(name, tensor), shape);
  return value.rank === 4 ? value.transpose([0, 2, 3, 1]) : value;
}

/**
 * The largest relative difference of outputs that counts as rounding: PyTorch and tfjs add up the same float32 products
 * in different orders.
 */
export const ROUNDING = 1e-5;

/** The largest absolute difference, divided by the largest absolute expected value. */
export function relativeDifference(value: tf.Tensor, expected: tf.Tensor): number {
  return tf.tidy(
    () => tf.div(tf.max(tf.abs(tf.sub(value, expected))), tf.max(tf.abs(expected))).dataSync()[0]!,
  );
}

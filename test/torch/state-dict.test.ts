import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/content-hash.ts';
import { CheckpointError } from '../../src/errors.ts';
import { createDigitsNet } from '../../src/models/index.ts';
import { readSafetensors, safeTensor } from '../../src/safetensors/index.ts';
import { assignStateDict, digitsNetFrom, toStateDict } from '../../src/torch/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import {
  ROUNDING,
  relativeDifference,
  type TorchModelName,
  torchExpected,
  torchModels,
  torchStateDict,
} from '../helpers/torch-models.ts';

useDevice();

const NAMES: readonly TorchModelName[] = ['cnn', 'text', 'sequential'];

describe.each(NAMES)('the PyTorch model %s', (name) => {
  test('has the same logits in tfjs as in PyTorch', async () => {
    const model = torchModels[name]();
    assignStateDict(model, (await torchStateDict(name)).tensors, { source: name });
    const logits = model.predict(await torchExpected(`${name}.input`)) as tf.Tensor;
    expect(relativeDifference(logits, await torchExpected(`${name}.logits`))).toBeLessThan(ROUNDING);
  });

  test('converts back to the same state dict, bit for bit', async () => {
    const model = torchModels[name]();
    const { tensors } = await torchStateDict(name);
    assignStateDict(model, tensors, { source: name });
    const stateDict = toStateDict(model);
    const expected = [...tensors].filter(([parameter]) => !parameter.endsWith('num_batches_tracked'));
    expect([...stateDict.keys()].sort()).toEqual(expected.map(([parameter]) => parameter).sort());
    for (const [parameter, { shape, data }] of expected) {
      expect(stateDict.get(parameter)!.shape).toEqual(shape);
      expect(Buffer.compare(stateDict.get(parameter)!.data, data)).toBe(0);
    }
  });
});

test('assigns numbered modules to layers in numeric order, whatever the layers are called', async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'in', units: 7, activation: 'relu', inputShape: [5] }),
      tf.layers.dense({ name: 'hidden', units: 6 }),
      tf.layers.dense({ name: 'out', units: 3 }),
    ],
  });
  assignStateDict(model, (await torchStateDict('sequential')).tensors, { source: 's' });
  const logits = model.predict(await torchExpected('sequential.input')) as tf.Tensor;
  expect(relativeDifference(logits, await torchExpected('sequential.logits'))).toBeLessThan(ROUNDING);
});

test('creates a DigitsNet from a state dict with a prefix', async () => {
  const { tensors } = await readSafetensors('test/fixtures/parity/inputs.safetensors');
  const model = digitsNetFrom(tensors, 'linear', { source: 'w', prefix: 'trained.' });
  expect(model.inputs[0]!.shape).toEqual([null, 784]);
  const kernel = model.getLayer('linear3').getWeights()[0]!;
  expect(kernel.shape).toEqual([128, 10]);
  const stored = tf.tensor(
    new Float32Array(tensors.get('trained.linear3.weight')!.data.slice().buffer),
    [10, 128],
  );
  expect(relativeDifference(kernel, stored.transpose())).toBe(0);
});

test('assigning and reading weights leaves no tensors behind', async () => {
  const model = torchModels.cnn();
  const { tensors } = await torchStateDict('cnn');
  const before = tf.memory().numTensors;
  assignStateDict(model, tensors, { source: 'w' });
  toStateDict(model);
  expect(tf.memory().numTensors).toBe(before);
});

describe('assignStateDict rejects, without changing the model,', () => {
  const weights = () => new Map(toStateDict(createDigitsNet({ inputSize: 6, classes: 3 })));
  const assign = (tensors: ReturnType<typeof weights>) => {
    const model = createDigitsNet({ inputSize: 6, classes: 3, seed: 1 });
    const before = contentHash(model);
    let message = '';
    try {
      assignStateDict(model, tensors, { source: 'w.safetensors' });
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
      message = (error as Error).message;
    }
    expect(contentHash(model)).toBe(before);
    return message;
  };

  test('missing and unexpected tensors', () => {
    const tensors = weights();
    tensors.delete('linear2.bias');
    tensors.set('other.weight', safeTensor(Float32Array.of(1), [1]));
    expect(assign(tensors)).toBe(
      'w.safetensors: missing tensors linear2.bias; unexpected tensors other.weight',
    );
  });

  test('a shape that does not match the layer', () => {
    const tensors = weights();
    tensors.set('linear3.weight', safeTensor(new Float32Array(12), [4, 3]));
    expect(assign(tensors)).toBe(
      "w.safetensors: linear3.weight: shape [4,3] does not match the layer's [3,128]",
    );
  });

  test('NaN values', () => {
    const tensors = weights();
    tensors.set('linear3.bias', safeTensor(Float32Array.of(0, Number.NaN, 1), [3]));
    expect(assign(tensors)).toBe('w.safetensors: linear3.bias: contains NaN or Inf');
  });

  test('an integer tensor', () => {
    const tensors = weights();
    tensors.set('linear3.bias', safeTensor(new Int32Array(3), [3]));
    expect(assign(tensors)).toMatch('linear3.bias: not a supported floating-point tensor (I32)');
  });

  test('more numbered modules than layers', async () => {
    const { tensors } = await torchStateDict('sequential');
    expect(() =>
      assignStateDict(
        tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1], name: 'only' })] }),
        tensors,
        { source: 'w' },
      ),
    ).toThrow(
      'w: 3 numbered modules with weights (0, 2, 11), but the model has 1 layers with weights (only)',
    );
  });
});

describe('toStateDict rejects', () => {
  test('a layer without a counterpart in PyTorch', () => {
    const model = tf.sequential({ layers: [tf.layers.gru({ name: 'gru', units: 2, inputShape: [3, 2] })] });
    expect(() => toStateDict(model)).toThrow(/layer 'gru' \(GRU\): no counterpart in PyTorch/);
  });

  test('a dense layer behind several concatenated flattened convolutions', () => {
    const image = tf.input({ shape: [4, 4, 2] });
    const branch = (name: string) =>
      tf.layers
        .flatten()
        .apply(tf.layers.conv2d({ name, filters: 2, kernelSize: 2 }).apply(image)) as tf.SymbolicTensor;
    const joined = tf.layers.concatenate({ name: 'joined' }).apply([branch('a'), branch('b')]);
    const out = tf.layers.dense({ name: 'out', units: 2 }).apply(joined) as tf.SymbolicTensor;
    expect(() => toStateDict(tf.model({ inputs: image, outputs: out }))).toThrow(
      /layer 'joined': concatenates flattened inputs/,
    );
  });
});

test('names the prefix of a state dict', () => {
  const model = tf.sequential({ layers: [tf.layers.dense({ name: 'only', units: 1, inputShape: [2] })] });
  const prefixed = (start: string) =>
    new Map([...toStateDict(model)].map(([name, tensor]) => [`${start}${name}`, tensor]));
  expect(() => assignStateDict(model, prefixed('_orig_mod.'), { source: 'w' })).toThrow(
    'w: the names of the tensors have the prefix "_orig_mod." (_orig_mod.only.weight)',
  );
  expect(() => assignStateDict(model, prefixed('a.b.'), { source: 'w', prefix: 'a.' })).toThrow(
    'w: the names of the tensors have the prefix "a.b." (a.b.only.weight)',
  );
  const net = createDigitsNet({ inputSize: 4, classes: 2 });
  const tensors = new Map([...toStateDict(net)].map(([name, tensor]) => [`module.${name}`, tensor]));
  expect(() => digitsNetFrom(tensors, 'relu', { source: 'w' })).toThrow(
    'the prefix "module." (module.linear1.weight)',
  );
});

test('names an adapter that is taken for a state dict', () => {
  const tensors = new Map([
    ['base_model.model.linear1.lora_A.weight', safeTensor(new Float32Array(4), [2, 2])],
  ]);
  expect(() => digitsNetFrom(tensors, 'relu', { source: 'w' })).toThrow(
    'w: contains an adapter (base_model.model.linear1.lora_A.weight), not the weights of a model',
  );
});

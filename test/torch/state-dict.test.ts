import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { createDigitsNet } from '../../src/models/index.ts';
import { readSafetensors, safeTensor } from '../../src/safetensors/index.ts';
import { assignStateDict, digitsNetFrom, toStateDict } from '../../src/torch/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import {
  relativeDifference,
  type TorchModelName,
  torchExpected,
  torchModels,
  torchStateDict,
} from '../helpers/torch-models.ts';

useDevice();

const NAMES: readonly TorchModelName[] = ['cnn', 'text', 'sequential'];

describe.each(NAMES)('the PyTorch model %s', (name) => {
  test('gives the logits in tfjs that it gives in PyTorch', async () => {
    const model = torchModels[name]();
    assignStateDict(model, (await torchStateDict(name)).tensors, { source: name });
    const logits = model.predict(await torchExpected(`${name}.input`)) as tf.Tensor;
    expect(relativeDifference(logits, await torchExpected(`${name}.logits`))).toBeLessThan(1e-5);
  });

  test('goes back to the state dict that it came from, bit for bit', async () => {
    const model = torchModels[name]();
    const { tensors } = await torchStateDict(name);
    assignStateDict(model, tensors, { source: name });
    const again = toStateDict(model);
    const given = [...tensors].filter(([parameter]) => !parameter.endsWith('num_batches_tracked'));
    expect([...again.keys()].sort()).toEqual(given.map(([parameter]) => parameter).sort());
    for (const [parameter, { shape, data }] of given) {
      expect(again.get(parameter)!.shape).toEqual(shape);
      expect(Buffer.compare(again.get(parameter)!.data, data)).toBe(0);
    }
  });
});

test('numbered modules go to layers of other names in order, 11 after 2', async () => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'in', units: 7, activation: 'relu', inputShape: [5] }),
      tf.layers.dense({ name: 'hidden', units: 6 }),
      tf.layers.dense({ name: 'out', units: 3 }),
    ],
  });
  assignStateDict(model, (await torchStateDict('sequential')).tensors, { source: 's' });
  const logits = model.predict(await torchExpected('sequential.input')) as tf.Tensor;
  expect(relativeDifference(logits, await torchExpected('sequential.logits'))).toBeLessThan(1e-5);
});

test('a DigitsNet comes from its file alone, also from under a prefix', async () => {
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

test('reading weights keeps no tensors', async () => {
  const model = torchModels.cnn();
  const { tensors } = await torchStateDict('cnn');
  const before = tf.memory().numTensors;
  assignStateDict(model, tensors, { source: 'w' });
  toStateDict(model);
  expect(tf.memory().numTensors).toBe(before);
});

describe('what does not fit is named, and nothing is changed', () => {
  const weights = () => new Map(toStateDict(createDigitsNet({ inputSize: 6, classes: 3 })));
  const assign = (tensors: ReturnType<typeof weights>) => {
    const model = createDigitsNet({ inputSize: 6, classes: 3, seed: 1 });
    const before = toStateDict(model);
    let message = '';
    try {
      assignStateDict(model, tensors, { source: 'w.safetensors' });
    } catch (error) {
      expect(error).toBeInstanceOf(CheckpointError);
      message = (error as Error).message;
    }
    expect(toStateDict(model)).toEqual(before);
    return message;
  };

  test('names that are missing and names that no layer takes', () => {
    const tensors = weights();
    tensors.delete('linear2.bias');
    tensors.set('other.weight', safeTensor(Float32Array.of(1), [1]));
    expect(assign(tensors)).toBe(
      'w.safetensors: lacks linear2.bias; holds other.weight, which no layer takes',
    );
  });

  test('a shape that differs', () => {
    const tensors = weights();
    tensors.set('linear3.weight', safeTensor(new Float32Array(12), [4, 3]));
    expect(assign(tensors)).toBe('w.safetensors: linear3.weight has shape [4,3], its layer needs [3,128]');
  });

  test('a value that is not finite', () => {
    const tensors = weights();
    tensors.set('linear3.bias', safeTensor(Float32Array.of(0, Number.NaN, 1), [3]));
    expect(assign(tensors)).toBe('w.safetensors: linear3.bias holds values that are not finite');
  });

  test('a type that holds no weights', () => {
    const tensors = weights();
    tensors.set('linear3.bias', safeTensor(new Int32Array(3), [3]));
    expect(assign(tensors)).toMatch('linear3.bias: has type I32');
  });

  test('another number of numbered modules', async () => {
    const { tensors } = await torchStateDict('sequential');
    expect(() =>
      assignStateDict(
        tf.sequential({ layers: [tf.layers.dense({ units: 1, inputShape: [1], name: 'only' })] }),
        tensors,
        { source: 'w' },
      ),
    ).toThrow('w: has 3 numbered modules with weights (0, 2, 11), the model 1 (only)');
  });

  test('a layer without a counterpart', () => {
    const model = tf.sequential({ layers: [tf.layers.gru({ name: 'gru', units: 2, inputShape: [3, 2] })] });
    expect(() => toStateDict(model)).toThrow(/layer 'gru' \(GRU\) has no counterpart in PyTorch/);
  });

  test('features that come from several flattened convolutions', () => {
    const image = tf.input({ shape: [4, 4, 2] });
    const branch = (name: string) =>
      tf.layers
        .flatten()
        .apply(tf.layers.conv2d({ name, filters: 2, kernelSize: 2 }).apply(image)) as tf.SymbolicTensor;
    const joined = tf.layers.concatenate({ name: 'joined' }).apply([branch('a'), branch('b')]);
    const out = tf.layers.dense({ name: 'out', units: 2 }).apply(joined) as tf.SymbolicTensor;
    expect(() => toStateDict(tf.model({ inputs: image, outputs: out }))).toThrow(
      /layer 'joined' joins flattened inputs/,
    );
  });
});

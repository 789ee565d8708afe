import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { contentHash, weightsHash } from '../src/content-hash.ts';
import { createDigitsNet, numberedPaths } from '../src/models/index.ts';
import { reload } from './helpers/reload.ts';
import { useDevice } from './helpers/tensorflow.ts';

useDevice();

const small = (seed: number) => createDigitsNet({ seed, inputSize: 4, classes: 3 });

test('models with equal weights have equal hashes', () => {
  expect(contentHash(small(1))).toBe(contentHash(small(1)));
});

test('saving and loading does not change the hash, for sequential and functional models', async () => {
  const input = tf.input({ shape: [8, 8, 1] });
  const convolved = tf.layers.conv2d({ filters: 2, kernelSize: 3, name: 'convolution' }).apply(input);
  const output = tf.layers
    .dense({ units: 3, name: 'out', kernelRegularizer: 'l1l2' })
    .apply(tf.layers.flatten().apply(convolved)) as tf.SymbolicTensor;
  for (const model of [small(1), tf.model({ inputs: input, outputs: output })]) {
    expect(contentHash(await reload(model))).toBe(contentHash(model));
  }
});

test('one changed value or activation changes the hash', () => {
  const hash = contentHash(small(1));
  const changed = small(1);
  const weights = changed.getWeights();
  const bias = weights[5]!.dataSync().map((value, index) => (index === 2 ? value + 1e-6 : value));
  changed.setWeights([...weights.slice(0, 5), tf.tensor1d(bias)]);
  expect(contentHash(changed)).not.toBe(hash);
  const linear = createDigitsNet({ seed: 1, inputSize: 4, classes: 3, head: 'linear' });
  expect(contentHash(linear)).not.toBe(hash);
});

test('freezing a layer does not change the hash', () => {
  const model = small(1);
  const hash = contentHash(model);
  model.getLayer('linear1').trainable = false;
  expect(contentHash(model)).toBe(hash);
});

test('the hash of weights depends on their names and shapes, not on their order', () => {
  const [a, b] = [tf.tensor1d([1, 2]), tf.tensor1d([3, 4])];
  const hash = weightsHash([
    ['a', a],
    ['b', b],
  ]);
  expect(
    weightsHash(
      new Map([
        ['b', b],
        ['a', a],
      ]),
    ),
  ).toBe(hash);
  expect(
    weightsHash([
      ['a', b],
      ['b', a],
    ]),
  ).not.toBe(hash);
  expect(
    weightsHash([
      ['a', a.reshape([2, 1])],
      ['b', b],
    ]),
  ).not.toBe(hash);
});

describe('automatic names do not change the hash', () => {
  const seeded = () => tf.initializers.glorotUniform({ seed: 7 });
  const dense = (units: number) => tf.layers.dense({ units, kernelInitializer: seeded() });
  const recurrent = { kernelInitializer: 'ones', recurrentInitializer: 'ones' } as const;
  const builders: Record<string, () => tf.LayersModel> = {
    sequential: () =>
      tf.sequential({
        layers: [
          tf.layers.conv2d({
            name: 'c',
            inputShape: [4, 4, 1],
            filters: 2,
            kernelSize: 3,
            kernelInitializer: seeded(),
          }),
          tf.layers.flatten(),
          dense(3),
          dense(2),
        ],
      }),
    functional: () => {
      const inputs = [tf.input({ shape: [3] }), tf.input({ shape: [4] })];
      const parts = inputs.map((input) => dense(2).apply(input) as tf.SymbolicTensor);
      const outputs = tf.layers.concatenate().apply(parts) as tf.SymbolicTensor;
      return tf.model({ inputs, outputs });
    },
    nested: () => {
      const inner = tf.sequential({ layers: [tf.layers.flatten({ inputShape: [3, 2] }), dense(2)] });
      const input = tf.input({ shape: [3, 2] });
      const wrapped = tf.layers.timeDistributed({ layer: dense(2) }).apply(input) as tf.SymbolicTensor;
      return tf.model({ inputs: input, outputs: inner.apply(wrapped) as tf.SymbolicTensor });
    },
    'inputs of a Sequential': () => {
      const body = tf.sequential({
        layers: [tf.layers.dense({ units: 2, inputShape: [3], kernelInitializer: 'ones' })],
      });
      return tf.model({ inputs: body.inputs, outputs: dense(2).apply(body.outputs) as tf.SymbolicTensor });
    },
    'layers with options that are not set': () => {
      const embedding = tf.layers.embedding({
        inputDim: 5,
        outputDim: 2,
        inputLength: 3,
        embeddingsInitializer: 'ones',
      });
      return tf.sequential({
        layers: [embedding, tf.layers.dropout({ rate: 0.5 }), tf.layers.flatten(), dense(2)],
      });
    },
    recurrent: () =>
      tf.sequential({
        layers: [
          tf.layers.bidirectional({
            layer: tf.layers.lstm({ units: 2, returnSequences: true, ...recurrent }) as tf.RNN,
            mergeMode: 'concat',
            inputShape: [3, 2],
          }),
          tf.layers.rnn({
            cell: [
              tf.layers.lstmCell({ units: 2, ...recurrent }),
              tf.layers.gruCell({ units: 3, ...recurrent }),
            ],
          }),
        ],
      }),
  };

  test.each(Object.entries(builders))('%s', async (_, build) => {
    const first = build();
    const second = build();
    expect(second.layers.at(-1)!.name).not.toBe(first.layers.at(-1)!.name);
    expect(contentHash(second)).toBe(contentHash(first));
    expect(contentHash(await reload(second))).toBe(contentHash(first));
  });

  test('chosen names, their order and values do', () => {
    const named = (name: string) =>
      tf.sequential({
        layers: [tf.layers.dense({ units: 2, name, inputShape: [2], kernelInitializer: 'ones' }), dense(2)],
      });
    expect(contentHash(named('a'))).not.toBe(contentHash(named('b')));
    const model = named('a');
    const hash = contentHash(model);
    expect(contentHash(named('a'))).toBe(hash);
    const [kernel, ...others] = model.getWeights();
    model.setWeights([kernel!.add(1), ...others]);
    expect(contentHash(model)).not.toBe(hash);
  });

  test('layers are told apart by their place, not by when they were created', () => {
    const [last, first] = [
      dense(2),
      tf.layers.dense({ units: 2, inputShape: [2], kernelInitializer: 'ones' }),
    ];
    const model = tf.sequential({ layers: [first, last] });
    expect([...numberedPaths(model)]).toEqual([
      [first.name, 'dense_Dense1'],
      [last.name, 'dense_Dense2'],
    ]);
    const inOrder = tf.sequential({
      layers: [tf.layers.dense({ units: 2, inputShape: [2], kernelInitializer: 'ones' }), dense(2)],
    });
    expect(contentHash(model)).toBe(contentHash(inOrder));
  });
});

test('the hash of a model with chosen names is the one of earlier versions', () => {
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ name: 'a', units: 2, inputShape: [2], kernelInitializer: 'ones' }),
      tf.layers.batchNormalization({ name: 'b' }),
    ],
  });
  expect(contentHash(model)).toBe('5b563660fae3cd30c33b6a1d756ed4452f486226be8f303486753a96b5b0425b');
});

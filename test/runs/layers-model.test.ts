import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { CheckpointError, UsageError } from '../../src/errors.ts';
import { requireLogits, withoutSoftmax } from '../../src/models/index.ts';
import { loadLayersModel, modelFromTopology } from '../../src/runs/index.ts';
import { outputs, storedModel, writeLayersModel } from '../helpers/layers-model.ts';
import { withSeededWeights } from '../helpers/seeded-weights.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const fixture = (name: string) => join(import.meta.dirname, '../fixtures/keras3', name);
const readFixture = async (name: string) => JSON.parse(await readFile(fixture(name), 'utf8'));

const images = () => tf.randomUniform([3, 28, 28], 0, 1, 'float32', 1);

const convolutional = () =>
  withSeededWeights(
    tf.sequential({
      layers: [
        tf.layers.conv2d({ inputShape: [8, 8, 1], filters: 3, kernelSize: 3, activation: 'relu' }),
        tf.layers.batchNormalization(),
        tf.layers.depthwiseConv2d({ kernelSize: 3 }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 4, activation: 'softmax' }),
      ],
    }),
  );

describe('loadLayersModel', () => {
  test('loads what tfjs saved, with the same outputs', async () => {
    const model = convolutional();
    const path = await writeLayersModel(await temporaryFolder(), await storedModel(model));
    const input = tf.randomUniform([3, 8, 8, 1], 0, 1, 'float32', 1);
    expect(outputs(await loadLayersModel(path), input)).toEqual(outputs(model, input));
  });

  test.each(['functional.json', 'sequential.json'])('loads Keras 3, %s', async (name) => {
    const json = await readFixture(name);
    const model = await modelFromTopology(fixture(name));
    const root = json.modelTopology.model_config.config.name;
    const weights = model.weights.map((weight) => [`${root}/${weight.originalName}`, weight.read()] as const);
    const path = await writeLayersModel(await temporaryFolder(), {
      modelTopology: json.modelTopology,
      weights,
    });
    const loaded = await loadLayersModel(path);
    expect(outputs(loaded, images())).toEqual(outputs(model, images()));
    expect(loaded.layers.map((layer) => layer.name)).toContain('linear2');
  });

  test('reads quantized weights', async () => {
    const model = convolutional();
    const path = await writeLayersModel(await temporaryFolder(), await storedModel(model), {
      quantize: true,
    });
    const input = tf.randomUniform([3, 8, 8, 1], 0, 1, 'float32', 1);
    const [quantized, exact] = [outputs(await loadLayersModel(path), input), outputs(model, input)];
    for (const [index, value] of quantized.entries()) expect(value).toBeCloseTo(exact[index]!, 1);
  });

  test('tells nested models with layers of one name apart', async () => {
    const part = (name: string) =>
      tf.sequential({ name, layers: [tf.layers.dense({ inputShape: [2], units: 2, name: 'dense' })] });
    const model = tf.sequential({ layers: [part('first'), part('second')] });
    const [first, second] = [tf.tensor2d([1, 2, 3, 4], [2, 2]), tf.tensor2d([5, 6, 7, 8], [2, 2])];
    const path = await writeLayersModel(await temporaryFolder(), {
      modelTopology: model.toJSON(null, false),
      weights: [
        ['second/dense/kernel', second],
        ['second/dense/bias', tf.zeros([2])],
        ['first/dense/kernel', first],
        ['first/dense/bias', tf.zeros([2])],
      ],
    });
    const input = tf.tensor2d([[1, 1]]);
    expect(outputs(await loadLayersModel(path), input)).toEqual([
      ...input.matMul(first).matMul(second).dataSync(),
    ]);
  });

  test('names what is missing or damaged', async () => {
    const folder = await temporaryFolder();
    const stored = await storedModel(convolutional());
    const path = await writeLayersModel(folder, stored);
    const json = JSON.parse(await readFile(path, 'utf8'));
    const rejects = async (content: unknown, message: string | RegExp) => {
      await writeFile(path, JSON.stringify(content));
      await expect(loadLayersModel(path)).rejects.toThrow(CheckpointError);
      await expect(loadLayersModel(path)).rejects.toThrow(message);
    };
    const [group] = json.weightsManifest;
    const withGroup = (change: object) => ({ ...json, weightsManifest: [{ ...group, ...change }] });
    await rejects({ ...json, weightsManifest: undefined }, 'has no weights');
    await rejects({ ...json, weightsManifest: [{}] }, 'weightsManifest: ');
    for (const file of ['../x.bin', '/dev/zero', 'a/../../x.bin'])
      await rejects(withGroup({ paths: [file] }), `'${file}' is outside the folder`);
    await rejects(withGroup({ paths: ['no.bin'] }), 'no.bin: cannot be read');
    await rejects(
      withGroup({ weights: group.weights.slice(1) }),
      /\d+ bytes of weights, the model needs \d+/,
    );
    const renamed = [{ ...group.weights[0], name: 'other/kernel' }, ...group.weights.slice(1)];
    await rejects(withGroup({ weights: renamed }), "/kernel' is missing");
    await rejects({ ...json, format: 'graph-model', modelTopology: { node: [] } }, 'a GraphModel');
    const larger = JSON.stringify(json).replace(/"filters":3/, '"filters":4');
    await rejects(
      JSON.parse(larger),
      /weight '\w+' \[.*\] of layer '\w+' is too large: its file has \d+ values/,
    );
    await writeFile(path, JSON.stringify(json));
    await truncate(join(folder, 'group1-shard2of2.bin'), 3);
    await expect(loadLayersModel(path)).rejects.toThrow('bytes of weights');
  });
});

describe('modelFromTopology', () => {
  test('reads JSON as text at any level', async () => {
    const { modelTopology } = await storedModel(convolutional());
    const path = join(await temporaryFolder(), 'model.json');
    const text = JSON.stringify(modelTopology);
    for (const content of [
      modelTopology,
      text,
      { modelTopology: text },
      { model_config: text },
      { modelTopology: { model_config: text } },
      JSON.stringify({ modelTopology: text }),
    ]) {
      await writeFile(path, JSON.stringify(content));
      expect((await modelFromTopology(path)).countParams()).toBe(convolutional().countParams());
    }
  });

  test.each([
    [3],
    ['text'],
    [[]],
    [null],
    [{}],
    [{ modelTopology: 3 }],
    [{ modelTopology: { class_name: 'Sequential' } }],
    [{ modelTopology: { class_name: 3, config: {} } }],
    ['"'.repeat(10)],
  ])('rejects %j', async (content) => {
    const path = join(await temporaryFolder(), 'model.json');
    await writeFile(path, JSON.stringify(content));
    await expect(modelFromTopology(path)).rejects.toThrow('does not describe a LayersModel');
  });

  test.each([
    ['scale', 'text'],
    ['stddev', -1],
    ['mean', '1e999'],
  ])('rejects an initializer whose %s is %s, with which tfjs would draw for ever', async (name, value) => {
    const { modelTopology } = await storedModel(convolutional());
    const path = join(await temporaryFolder(), 'model.json');
    const text = JSON.stringify(modelTopology).replace(
      /"(scale|stddev|mean)":[^,}]+/,
      `"${name}":${JSON.stringify(value)}`,
    );
    expect(text).toContain(JSON.stringify(value));
    await writeFile(path, text);
    await expect(modelFromTopology(path)).rejects.toThrow(
      `${path}: kernel_initializer: ${name} is not a valid number (${JSON.stringify(value)})`,
    );
  });

  const layer = (class_name: string, config: object) => ({ class_name, config: { name: 'big', ...config } });

  test.each([
    ['a dense layer', [layer('Dense', { units: 1e9, batch_input_shape: [null, 4] })], 'kernel'],
    ['an embedding', [layer('Embedding', { input_dim: 1e10, output_dim: 1, input_length: 3 })], 'embeddings'],
    ['a cell', [layer('LSTM', { units: 20_000, batch_input_shape: [null, 3, 2] })], 'recurrent_kernel'],
    [
      'a convolution',
      [layer('Conv2D', { filters: 1e5, kernel_size: [60, 60], batch_input_shape: [null, 99, 99, 1] })],
      'kernel',
    ],
    ['units without a value', [layer('Dense', { units: 1e308, batch_input_shape: [null, 4] })], 'kernel'],
  ])('refuses %s that is too large before allocating it', async (_title, layers, weight) => {
    const path = join(await temporaryFolder(), 'model.json');
    await writeFile(path, JSON.stringify({ class_name: 'Sequential', config: { name: 's', layers } }));
    const before = tf.memory().numBytes;
    const loading = modelFromTopology(path);
    await expect(loading).rejects.toThrow(CheckpointError);
    await expect(loading).rejects.toThrow(`${path}: weight '${weight}' [`);
    await expect(loading).rejects.toThrow(
      "of layer 'big' is too large: the limit is 268,435,456 values in all weights",
    );
    expect(tf.memory().numBytes - before).toBeLessThan(1e6);
  });

  test('refuses a layer with too many outputs', async () => {
    const path = join(await temporaryFolder(), 'model.json');
    const layers = [layer('UpSampling2D', { size: [1e5, 1e5], batch_input_shape: [null, 2, 2, 1] })];
    await writeFile(path, JSON.stringify({ class_name: 'Sequential', config: { name: 's', layers } }));
    await expect(modelFromTopology(path)).rejects.toThrow(
      `${path}: layer 'big' has 40,000,000,000 outputs for one example, the limit is 67,108,864`,
    );
  });

  test('counts no weights of models that are built while another one is refused', async () => {
    const path = join(await temporaryFolder(), 'model.json');
    const layers = [layer('Dense', { units: 1e9, batch_input_shape: [null, 4] })];
    await writeFile(path, JSON.stringify({ class_name: 'Sequential', config: { name: 's', layers } }));
    const results = await Promise.allSettled([modelFromTopology(path), modelFromTopology(path)]);
    expect(results.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    const { addWeight } = tf.layers.Layer.prototype as unknown as { addWeight: object };
    expect(String(addWeight)).toContain('_addedWeightNames'); // tfjs' own method is back
  });

  test('names Keras 3 if tfjs lacks a layer', async () => {
    const json = await readFixture('sequential.json');
    json.modelTopology.model_config.config.layers[2].class_name = 'GroupNormalization';
    const path = join(await temporaryFolder(), 'model.json');
    await writeFile(path, JSON.stringify(json));
    await expect(modelFromTopology(path)).rejects.toThrow(
      /Unknown layer: GroupNormalization.*; it was made by Keras 3.3.3: save it with tf_keras/,
    );
  });

  test('keeps what Keras 3 renamed: slopes, regularizers, initializers, lists of inputs', async () => {
    const keras = (class_name: string, config: object, rest: object = {}) => ({
      module: 'keras.layers',
      class_name,
      config: {
        dtype: { module: 'keras', class_name: 'DTypePolicy', config: { name: 'mixed_float16' } },
        ...config,
      },
      registered_name: null,
      name: (config as { name?: string }).name,
      ...rest,
    });
    const tensor = (name: string) => ({
      class_name: '__keras_tensor__',
      config: { shape: [null, 4], dtype: 'float32', keras_history: [name, 0, 0] },
    });
    const call = (...args: unknown[]) => ({ inbound_nodes: [{ args, kwargs: { mask: null } }] });
    const layers = [
      keras('InputLayer', { name: 'in', batch_shape: [null, 4], dtype: 'float32' }, { inbound_nodes: [] }),
      keras('LeakyReLU', { name: 'leaky', negative_slope: 0.25 }, call(tensor('in'))),
      keras('Concatenate', { name: 'both', axis: -1 }, call([tensor('in'), tensor('leaky')])),
      keras(
        'Dense',
        {
          name: 'out',
          units: 2,
          activation: 'silu',
          use_bias: false,
          kernel_initializer: {
            module: 'keras.initializers',
            class_name: 'LecunNormal',
            config: { seed: null },
          },
          kernel_regularizer: { module: 'keras.regularizers', class_name: 'L2', config: { l2: 0.5 } },
        },
        call(tensor('both')),
      ),
    ];
    const config = { name: 'm', layers, input_layers: ['in', 0, 0], output_layers: ['out', 0, 0] };
    const path = join(await temporaryFolder(), 'model.json');
    const write = (changed: object) =>
      writeFile(path, JSON.stringify({ class_name: 'Functional', config: { ...config, ...changed } }));
    await write({});
    const model = await modelFromTopology(path);
    const leaky = tf.model({
      inputs: model.inputs,
      outputs: model.getLayer('leaky').output as tf.SymbolicTensor,
    });
    expect(outputs(leaky, tf.tensor2d([[-4, 0, 1, -1]]))).toEqual([-1, 0, 1, -0.25]);
    expect(model.outputs[0]!.shape).toEqual([null, 2]);
    expect(model.getLayer('out').getConfig()).toMatchObject({
      activation: 'swish',
      kernelRegularizer: { className: 'L1L2', config: { l1: 0, l2: 0.5 } },
    });
    const relu = keras('ReLU', { name: 'leaky', negative_slope: 0.25 }, call(tensor('in')));
    await write({ layers: layers.with(1, relu) });
    await expect(modelFromTopology(path)).rejects.toThrow("layer 'leaky': negative_slope 0.25 of a ReLU");
    const attention = keras('Concatenate', { name: 'both' }, call(tensor('in'), tensor('leaky')));
    await write({ layers: layers.with(2, attention) });
    await expect(modelFromTopology(path)).rejects.toThrow("layer 'both': is called with more than a tensor");
  });
});

describe('withoutSoftmax', () => {
  const dense = () => tf.layers.dense({ inputShape: [4], units: 3, activation: 'softmax', name: 'top' });
  const plain = () => tf.layers.dense({ inputShape: [4], units: 3 });
  test.each([
    ['an activation of a layer', () => tf.sequential({ layers: [dense()] })],
    ['a Softmax layer', () => tf.sequential({ layers: [plain(), tf.layers.softmax()] })],
    [
      'an Activation layer',
      () => tf.sequential({ layers: [plain(), tf.layers.activation({ activation: 'softmax' })] }),
    ],
    ['a nested model', () => tf.sequential({ layers: [tf.sequential({ layers: [dense()] })] })],
  ])('returns logits of the same probabilities: %s', (_, create) => {
    const model = withSeededWeights(create());
    expect(() => requireLogits(model)).toThrow(UsageError);
    const { model: logits } = withoutSoftmax(model)!;
    requireLogits(logits);
    const input = tf.randomNormal([5, 4], 0, 3, 'float32', 1);
    const probabilities = [...tf.softmax(logits.predict(input) as tf.Tensor).dataSync()];
    const expected = outputs(model, input);
    for (const [index, value] of probabilities.entries())
      expect(Math.abs(value - expected[index]!)).toBeLessThan(1e-6);
    expect(withoutSoftmax(logits)).toBeUndefined();
  });
});

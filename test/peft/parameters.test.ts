import { mkdtemp, readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { CheckpointError, UsageError } from '../../src/errors.ts';
import {
  addAdapter,
  injectLora,
  loraLayers,
  mergeLora,
  readAdapter,
  setActiveAdapters,
  writeAdapter,
} from '../../src/lora/index.ts';
import { loadPeft, loadPeftFiles, peftFiles, savePeft } from '../../src/peft/index.ts';
import {
  float32Values,
  parseSafetensors,
  readSafetensors,
  type SafeTensor,
} from '../../src/safetensors/index.ts';
import { assignStateDict, toStateDict } from '../../src/torch/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { outputsOf, randomizeAdapter, sequential } from '../lora/models.ts';

useDevice();

const FOLDER = 'test/fixtures/parameters';

/** What scripts/fixtures/parameters.py has as class Attention. */
class Attention extends tf.layers.Layer {
  static className = 'FixtureAttention';
  private projections!: tf.LayerVariable;
  private output_!: tf.LayerVariable;

  override build(inputShape: tf.Shape): void {
    const width = inputShape.at(-1)!;
    const zeros = tf.initializers.zeros();
    this.projections = this.addWeight('projections', [3, width, width], 'float32', zeros);
    this.output_ = this.addWeight('output', [width, width], 'float32', zeros);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = [inputs].flat()[0]!;
      const [q, k, v] = tf.unstack(tf.einsum('bsi,pio->pbso', x, this.projections.read()));
      const values = tf.matMul(tf.softmax(tf.matMul(q!, k!, false, true)), v!);
      return tf.einsum('bsi,io->bso', values, this.output_.read());
    });
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return inputShape;
  }
}
tf.serialization.registerClass(Attention as unknown as Parameters<typeof tf.serialization.registerClass>[0]);

const sizes = { name: 'memory', units: 3 };
const sequence = { inputShape: [4, 2] };
const lstm = (options: object = sequence) =>
  tf.layers.lstm({ ...sizes, recurrentActivation: 'sigmoid', ...options });

/** The layers of the fixtures. Their PEFT modules are called `memory`. */
const LAYERS: Record<string, () => tf.layers.Layer> = {
  rnn: () => tf.layers.simpleRNN({ ...sizes, ...sequence }),
  lstm: () => lstm(),
  lstm_recurrent: () => lstm(),
  bidirectional: () =>
    tf.layers.bidirectional({
      name: 'memory',
      layer: lstm({ name: 'inner' }) as tf.RNN,
      mergeMode: 'concat',
      ...sequence,
    } as Parameters<typeof tf.layers.bidirectional>[0]),
  gru: () => tf.layers.gru({ ...sizes, ...sequence, recurrentActivation: 'sigmoid' }),
  attention: () => new Attention({ name: 'memory', inputShape: [3, 4] } as object),
};

type Tensors = ReadonlyMap<string, SafeTensor>;

const tensorOf = (tensors: Tensors, name: string): tf.Tensor => {
  const { shape } = tensors.get(name)!;
  return tf.tensor(float32Values(name, tensors.get(name)!).slice(), [...shape]);
};

/** Swaps the gates r and z, and transposes: tfjs has z, r, h in columns. */
const gruWeight = (weight: tf.Tensor): tf.Tensor => {
  const [r, z, n] = tf.split(weight, 3, 0);
  return tf.transpose(tf.concat([z!, r!, n!], 0));
};

/** The model of a fixture with its base weights. */
function baseOf(name: string, values: Tensors): tf.LayersModel {
  const model = tf.sequential({ layers: [LAYERS[name]!()] });
  const base = new Map([...values].filter(([key]) => key.startsWith('base.')));
  const weight = (parameter: string) => tensorOf(values, `base.memory.${parameter}`);
  if (name === 'attention') model.setWeights([weight('projections'), weight('output')]);
  else if (name === 'gru')
    model.setWeights([
      ...['weight_ih_l0', 'weight_hh_l0', 'bias_ih_l0'].map((parameter) => gruWeight(weight(parameter))),
    ]);
  else assignStateDict(model, base, { source: name, prefix: 'base.' });
  return model;
}

const fixture = async (name: string, file: string): Promise<Tensors> =>
  (await readSafetensors(`${FOLDER}/${name}/${file}`)).tensors;

describe.each(Object.keys(LAYERS))('an adapter of PEFT for parameters, %s', (name) => {
  const load = async () => {
    const values = await fixture(name, 'values.safetensors');
    const warnings: string[] = [];
    const base = baseOf(name, values);
    const model = await loadPeft(base, `${FOLDER}/${name}`, { onWarning: (line) => warnings.push(line) });
    return { values, base, model, warnings };
  };

  test('has the outputs of PyTorch, also when merged', async () => {
    const { values, model, base, warnings } = await load();
    const [x, y] = [tensorOf(values, 'x'), tensorOf(values, 'y').dataSync()];
    expect(largestDifference(outputsOf(model, [x]), y)).toBeLessThan(1e-6);
    expect(largestDifference(outputsOf(mergeLora(model), [x]), y)).toBeLessThan(1e-6);
    expect(largestDifference(outputsOf(base, [x]), y)).toBeGreaterThan(1e-2);
    expect(warnings).toEqual(
      name === 'gru'
        ? [expect.stringMatching(/differ from PyTorch's at 'memory' \(GRU\): tfjs' GRU applies/)]
        : [],
    );
  });

  test('has the gradients of PyTorch', async () => {
    const { values, base, model } = await load();
    const x = tensorOf(values, 'x');
    const [{ path, layer }] = loraLayers(model) as [ReturnType<typeof loraLayers>[number]];
    const variables = [...layer.addedWeights].map(
      ([weight, variable]) => [weight.replace('default/', ''), variable.read() as tf.Variable] as const,
    );
    const { grads } = tf.variableGrads(
      () => tf.mean(tf.square(model.apply(x) as tf.Tensor)) as tf.Scalar,
      variables.map(([, variable]) => variable),
    );
    // Written as an adapter, so that the gradients get the names and layouts of PEFT.
    const gradients = await loadPeft(base, `${FOLDER}/${name}`);
    writeAdapter(
      loraLayers(gradients)[0]!.layer,
      'default',
      new Map(
        variables.map(([weight, { name: variable, shape }]) => [
          weight,
          { shape, values: grads[variable]!.dataSync<'float32'>().slice() },
        ]),
      ),
      path,
    );
    const { tensors } = parseSafetensors('gradients', peftFiles(gradients).weights);
    const expected = [...values].filter(([key]) => key.startsWith('grad.'));
    expect([...tensors.keys()].sort()).toEqual(expected.map(([key]) => key.slice('grad.'.length)).sort());
    for (const [key, tensor] of expected)
      expect(
        largestDifference(
          float32Values(key, tensors.get(key.slice('grad.'.length))!),
          float32Values(key, tensor),
        ),
      ).toBeLessThan(1e-6);
  });

  test('is saved as PEFT saves it', async () => {
    const { model } = await load();
    const folder = await mkdtemp(join(tmpdir(), 'parameters-'));
    await savePeft(model, folder);
    const expected = await fixture(name, 'adapter_model.safetensors');
    const { tensors } = await readSafetensors(join(folder, 'adapter_model.safetensors'));
    expect([...tensors.keys()].sort()).toEqual([...expected.keys()].sort());
    for (const [key, tensor] of expected) {
      expect(tensors.get(key)!.shape).toEqual(tensor.shape);
      expect(float32Values(key, tensors.get(key)!)).toEqual(float32Values(key, tensor));
    }
    const read = async (path: string) => JSON.parse(await readFile(path, 'utf8'));
    const config = await read(join(folder, 'adapter_config.json'));
    const theirs = await read(`${FOLDER}/${name}/adapter_config.json`);
    expect(config.target_parameters).toEqual(theirs.target_parameters.toSorted());
    expect(config).toMatchObject({ target_modules: [], r: 2, lora_alpha: 3 });
    expect(config.peft_type).toBe(name === 'gru' ? 'TFJS_LORA' : 'LORA');
  });
});

test('a state dict of an LSTM has the sum of its two biases', async () => {
  const values = await fixture('bidirectional', 'values.safetensors');
  const model = baseOf('bidirectional', values);
  const stateDict = toStateDict(model);
  const base = [...values.keys()].filter((key) => key.startsWith('base.'));
  expect([...stateDict.keys()].sort()).toEqual(base.map((key) => key.slice('base.'.length)).sort());
  const copy = tf.sequential({ layers: [LAYERS.bidirectional!()] });
  assignStateDict(copy, stateDict, { source: 'copy' });
  const x = tensorOf(values, 'x');
  expect(outputsOf(copy, [x])).toEqual(outputsOf(model, [x]));
});

test.each([
  [
    'hardSigmoid',
    () => tf.layers.lstm({ ...sizes, ...sequence }),
    /PyTorch's recurrentActivation is sigmoid, not hardSigmoid/,
  ],
  ['relu', () => lstm({ ...sequence, activation: 'relu' }), /PyTorch's activation is tanh, not relu/],
  ['goBackwards', () => lstm({ ...sequence, goBackwards: true }), /PyTorch's does not go backwards/],
])('a layer with %s has no counterpart in PyTorch', async (_title, layer, reason) => {
  const base = sequential(layer());
  expect(() => toStateDict(base)).toThrow(reason);
  const model = injectLora(base, { rank: 2 });
  const save = savePeft(model, await mkdtemp(join(tmpdir(), 'parameters-')), { peftOnly: true });
  await expect(save).rejects.toThrow(UsageError);
  await expect(save).rejects.toThrow(reason);
});

describe('adapters that PEFT does not have', () => {
  const models: Record<string, () => tf.LayersModel> = {
    convLstm2d: () =>
      sequential(
        tf.layers.convLstm2d({
          name: 'memory',
          inputShape: [3, 4, 4, 2],
          filters: 2,
          kernelSize: 2,
        } as Parameters<typeof tf.layers.convLstm2d>[0]),
      ),
    'convLstm2d with automatic names in a wrapper': () =>
      sequential(
        tf.layers.bidirectional({
          layer: tf.layers.convLstm2d({ filters: 2, kernelSize: 2, padding: 'same' } as Parameters<
            typeof tf.layers.convLstm2d
          >[0]) as unknown as tf.RNN,
          mergeMode: 'concat',
          inputShape: [3, 4, 4, 2],
        } as Parameters<typeof tf.layers.bidirectional>[0]),
      ),
    'stacked cells': () =>
      sequential(
        tf.layers.rnn({
          name: 'memory',
          inputShape: [4, 2],
          cell: tf.layers.stackedRNNCells({
            cells: [tf.layers.lstmCell({ units: 3 }), tf.layers.gruCell({ units: 2 })],
          }),
        } as Parameters<typeof tf.layers.rnn>[0]),
      ),
    gru: () => sequential(tf.layers.gru({ ...sizes, ...sequence })),
    bidirectional: () => sequential(LAYERS.bidirectional!()),
  };
  test.each(
    Object.keys(models).flatMap((name) => [[name, {}] as const, [name, { init: 'pissa' as const }] as const]),
  )('are saved and loaded: %s, %o', (name, options) => {
    const base = models[name]!();
    const model = injectLora(base, { rank: 2, alpha: 3, bias: 'lora-only', ...options });
    randomizeAdapter(model);
    const files = peftFiles(model);
    expect(JSON.parse(files.config).peft_type).toBe('TFJS_LORA');
    // Built again, so that automatic names differ.
    const again = models[name]!();
    const loaded = loadPeftFiles(again, files);
    expect(outputsOf(loaded)).toEqual(outputsOf(model));
    addAdapter(loaded, 'second', { rank: 1 });
    setActiveAdapters(loaded, ['default', 'second']);
    expect(outputsOf(loaded)).toEqual(outputsOf(model));
  });
});

test('DoRA of a parameter is saved in a form that PEFT rejects, and loaded', () => {
  const base = sequential(
    LAYERS.attention!(),
    tf.layers.flatten(),
    tf.layers.dense({ name: 'out', units: 2 }),
  );
  const model = injectLora(base, {
    rank: 2,
    alpha: 3,
    dora: true,
    targetWeights: ['memory.projections', 'memory.output'],
  });
  randomizeAdapter(model);
  const files = peftFiles(model);
  expect(JSON.parse(files.config).peft_type).toBe('TFJS_LORA');
  expect(outputsOf(loadPeftFiles(base, files))).toEqual(outputsOf(model));
});

test('layers and parameters in one adapter', () => {
  const base = sequential(
    lstm(),
    tf.layers.dense({ name: 'hidden', units: 4 }),
    tf.layers.dense({ name: 'out', units: 2 }),
  );
  const model = injectLora(base, {
    rank: 2,
    alpha: 3,
    targets: ['out'],
    targetWeights: ['memory.recurrent_kernel'],
    rankPattern: { memory: 3 },
  });
  randomizeAdapter(model);
  const files = peftFiles(model);
  expect(JSON.parse(files.config)).toMatchObject({
    peft_type: 'LORA',
    target_modules: ['out'],
    target_parameters: ['memory.weight_hh_l0'],
    rank_pattern: { 'memory\\.weight_hh_l0': 3 },
  });
  const loaded = loadPeftFiles(base, files);
  expect(outputsOf(loaded)).toEqual(outputsOf(model));
  for (const { layer, path } of loraLayers(loaded))
    expect([...readAdapter(layer, 'default')]).toEqual([
      ...readAdapter(loraLayers(model).find((named) => named.path === path)!.layer, 'default'),
    ]);
});

describe('refuses a configuration', () => {
  const change = async (edit: object) => {
    const values = await fixture('lstm', 'values.safetensors');
    const config = JSON.parse(await readFile(`${FOLDER}/lstm/adapter_config.json`, 'utf8'));
    const weights = new Uint8Array(await readFile(`${FOLDER}/lstm/adapter_model.safetensors`));
    return () =>
      loadPeftFiles(baseOf('lstm', values), { config: JSON.stringify({ ...config, ...edit }), weights });
  };
  test.each<[string, object, RegExp]>([
    [
      'of other parameters',
      { target_parameters: ['memory.weight_l1'] },
      /no layer matches target_parameters \["memory\.weight_l1"\]/,
    ],
    [
      'without targets',
      { target_parameters: null },
      /selects no layers; set target_modules or target_parameters/,
    ],
    [
      'with ranks that differ in a layer',
      { rank_pattern: { 'memory.weight_hh_l0': 1 } },
      /weights of layer "memory" differ in rank or alpha \(2 and 1, 3 and 3\)/,
    ],
    [
      'of fewer parameters than the file',
      { target_parameters: ['weight_hh_l0'] },
      /unexpected tensors base_model\.model\.memory\.base_layer/,
    ],
  ])('%s', async (_title, edit, message) => {
    const load = await change(edit);
    expect(load).toThrow(CheckpointError);
    expect(load).toThrow(message);
  });
});

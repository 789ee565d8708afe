import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { weightsHash } from '../../src/content-hash.ts';
import { UsageError } from '../../src/errors.ts';
import {
  addAdapter,
  addWeightedAdapter,
  baseWeights,
  disableAdapters,
  enableAdapters,
  injectLora,
  type LoraConfig,
  loraLayers,
  loraSummary,
  loraTargets,
  mergeLora,
  setActiveAdapters,
  setAdapterStrength,
  unloadLora,
} from '../../src/lora/index.ts';
import { cloneModel, namedLayers, namedWeights } from '../../src/models/index.ts';
import type { TrainingTask } from '../../src/training/index.ts';
import { inspectAdapters } from '../../src/verification/index.ts';
import { engineOf, rowsOf } from '../helpers/engines.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { gradientError } from './gradients.ts';
import {
  layerAt,
  outputsOf,
  randomizeAdapter,
  randomizeWeights,
  randomTensor,
  sequential,
} from './models.ts';

useDevice();

interface Case {
  readonly title: string;
  readonly layer: () => tf.layers.Layer;
  readonly input: readonly number[];
  /** Path of the adapted layer, and the names of its kernels with the shapes of A and B at rank 2. */
  readonly path: string;
  readonly kernels: Readonly<Record<string, readonly [readonly number[], readonly number[]]>>;
}

/** No activation has a kink, which finite differences would step over. */
const smooth = { units: 3, recurrentActivation: 'sigmoid' } as const;
const lstm = (options: object = {}) => tf.layers.lstm({ name: 'memory', ...smooth, ...options });
const gates = (prefix: string, inputs: number, count: number) => ({
  [`${prefix}kernel`]: [
    [inputs, 2],
    [2, 3 * count],
  ] as const,
  [`${prefix}recurrent_kernel`]: [
    [3, 2],
    [2, 3 * count],
  ] as const,
});

const CASES: Case[] = [
  {
    title: 'simpleRNN',
    layer: () => tf.layers.simpleRNN({ name: 'memory', units: 3 }),
    input: [4, 2],
    path: 'memory',
    kernels: gates('', 2, 1),
  },
  { title: 'lstm', layer: () => lstm(), input: [4, 2], path: 'memory', kernels: gates('', 2, 4) },
  {
    title: 'lstm with sequences and states, backwards',
    layer: () => lstm({ returnSequences: true, goBackwards: true, useBias: false }),
    input: [4, 2],
    path: 'memory',
    kernels: gates('', 2, 4),
  },
  {
    title: 'gru',
    layer: () => tf.layers.gru({ name: 'memory', ...smooth }),
    input: [4, 2],
    path: 'memory',
    kernels: gates('', 2, 3),
  },
  {
    title: 'convLstm2d',
    layer: () =>
      tf.layers.convLstm2d({
        name: 'memory',
        filters: 3,
        kernelSize: [2, 3],
        recurrentActivation: 'sigmoid',
      } as Parameters<typeof tf.layers.convLstm2d>[0]),
    input: [3, 4, 5, 2],
    path: 'memory',
    kernels: {
      kernel: [
        [2, 3, 2, 2],
        [1, 1, 2, 12],
      ],
      recurrent_kernel: [
        [2, 3, 3, 2],
        [1, 1, 2, 12],
      ],
    },
  },
  {
    title: 'convLstm2d, dilated',
    layer: () =>
      tf.layers.convLstm2d({
        name: 'memory',
        filters: 2,
        kernelSize: 2,
        dilationRate: 2,
        recurrentActivation: 'sigmoid',
      } as Parameters<typeof tf.layers.convLstm2d>[0]),
    input: [3, 5, 4, 2],
    path: 'memory',
    kernels: {
      kernel: [
        [2, 2, 2, 2],
        [1, 1, 2, 8],
      ],
      recurrent_kernel: [
        [2, 2, 2, 2],
        [1, 1, 2, 8],
      ],
    },
  },
  {
    title: 'bidirectional lstm',
    layer: () => tf.layers.bidirectional({ name: 'both', layer: lstm() as tf.RNN, mergeMode: 'concat' }),
    input: [4, 2],
    path: 'both',
    kernels: { ...gates('forward_memory/', 2, 4), ...gates('backward_memory/', 2, 4) },
  },
  {
    title: 'lstm in timeDistributed',
    layer: () => tf.layers.timeDistributed({ name: 'each', layer: lstm() }),
    input: [2, 4, 2],
    path: 'each.memory',
    kernels: gates('', 2, 4),
  },
  {
    title: 'rnn with a cell',
    layer: () => tf.layers.rnn({ name: 'memory', cell: tf.layers.lstmCell(smooth) }),
    input: [4, 2],
    path: 'memory',
    kernels: gates('', 2, 4),
  },
  {
    title: 'rnn with stacked cells',
    layer: () =>
      tf.layers.rnn({
        name: 'memory',
        cell: tf.layers.stackedRNNCells({ cells: [tf.layers.lstmCell(smooth), tf.layers.gruCell(smooth)] }),
      }),
    input: [4, 2],
    path: 'memory',
    kernels: { ...gates('RNNCell_0/', 2, 4), ...gates('RNNCell_1/', 3, 3) },
  },
];

function build({ layer, input }: Pick<Case, 'layer' | 'input'>): tf.LayersModel {
  const sequence = tf.input({ shape: [...input] });
  const middle = layer().apply(sequence) as tf.SymbolicTensor;
  const flat = (middle.rank > 2 ? tf.layers.flatten().apply(middle) : middle) as tf.SymbolicTensor;
  const head = tf.layers.dense({ name: 'head', units: 2 });
  const model = tf.model({ inputs: sequence, outputs: head.apply(flat) as tf.SymbolicTensor });
  randomizeWeights(model);
  return model;
}

/** The base with W + (alpha / r)·A·B of each kernel, multiplied in double precision. */
function withProducts(adapted: tf.LayersModel, path: string): tf.LayersModel {
  const model = unloadLora(adapted);
  const layer = namedLayers(model).find((named) => named.path === path)!.layer;
  const { updates, settings } = layerAt(adapted, path).adapters.get('default')!;
  for (const [name, { a, b }] of updates) {
    const weight = namedWeights(layer).get(name)!.read() as tf.Variable;
    const [left, right] = [a.read().dataSync(), b.read().dataSync()];
    const { rank, alpha } = settings;
    const columns = right.length / rank;
    const values = weight.dataSync().map((value, index) => {
      const [row, column] = [Math.floor(index / columns), index % columns];
      let sum = 0;
      for (let inner = 0; inner < rank; inner++)
        sum += left[row * rank + inner]! * right[inner * columns + column]!;
      return value + (alpha / rank) * sum;
    });
    tf.tidy(() => weight.assign(tf.tensor(values, weight.shape)));
  }
  return model;
}

const CONFIG: LoraConfig = { rank: 2, alpha: 3, exclude: ['head'] };

describe.each(CASES)('$title', (layerCase) => {
  const { path, kernels } = layerCase;
  const inputs = () => [randomTensor([2, ...layerCase.input], 5)];

  test('gets A and B for the kernel and the recurrent kernel, and starts as the base', () => {
    const base = build(layerCase);
    const adapted = injectLora(base, CONFIG);
    expect(loraLayers(adapted).map((named) => named.path)).toEqual([path]);
    const { updates } = layerAt(adapted, path).adapters.get('default')!;
    expect(Object.fromEntries([...updates].map(([name, { a, b }]) => [name, [a.shape, b.shape]]))).toEqual(
      kernels,
    );
    expect(outputsOf(adapted, inputs())).toEqual(outputsOf(base, inputs()));
    expect(adapted.trainableWeights).toHaveLength(2 * Object.keys(kernels).length);
    expect(
      loraTargets(base, CONFIG)
        .filter(({ rank }) => rank === 2)
        .map(({ weight }) => weight),
    ).toEqual(Object.keys(kernels));
  });

  test('computes what the base does with W + s·A·B, and what the merged model does', () => {
    const base = build(layerCase);
    const adapted = injectLora(base, { ...CONFIG, bias: 'lora-only' });
    randomizeAdapter(adapted);
    const expected = outputsOf(adapted, inputs());
    expect(largestDifference(expected, outputsOf(base, inputs()))).toBeGreaterThan(1e-2);
    expect(largestDifference(outputsOf(mergeLora(adapted), inputs()), expected)).toBeLessThan(1e-5);
    setAdapterStrength(adapted, 0);
    expect(outputsOf(adapted, inputs())).toEqual(outputsOf(base, inputs()));
    expect(weightsHash(baseWeights(unloadLora(adapted)))).toBe(weightsHash(baseWeights(base)));

    const withoutBias = injectLora(base, CONFIG);
    randomizeAdapter(withoutBias);
    const second = withProducts(withoutBias, path);
    expect(largestDifference(outputsOf(second, inputs()), outputsOf(withoutBias, inputs()))).toBeLessThan(
      1e-5,
    );
  });

  test('has the gradients of finite differences', () => {
    const adapted = injectLora(build(layerCase), CONFIG);
    randomizeAdapter(adapted);
    expect(gradientError(adapted, inputs()[0]!)).toBeLessThan(1e-2);
  });

  test('saves, loads and clones, and trains further in the same way', async () => {
    const adapted = injectLora(build(layerCase), { ...CONFIG, bias: 'all' });
    randomizeAdapter(adapted);
    const loaded = await reload(adapted);
    const copies = [adapted, loaded, cloneModel(adapted)];
    for (const model of copies) expect(outputsOf(model, inputs())).toEqual(outputsOf(adapted, inputs()));
    const losses = [];
    for (const model of copies) {
      model.compile({ optimizer: tf.train.adam(1e-2), loss: 'meanSquaredError' });
      for (let step = 0; step < 3; step++)
        losses.push(await model.trainOnBatch(inputs()[0]!, randomTensor([2, 2], 8)));
    }
    expect(losses.slice(3, 6)).toEqual(losses.slice(0, 3));
    expect(losses.slice(6)).toEqual(losses.slice(0, 3));
    expect(losses[2]).toBeLessThan(losses[0] as number);
  });
});

describe('a bidirectional layer', () => {
  const both = CASES.find(({ title }) => title === 'bidirectional lstm')!;
  const adaptedKernels = (config: LoraConfig) => {
    const adapted = injectLora(build(both), { rank: 2, ...config });
    return loraLayers(adapted).flatMap(({ path, layer }) =>
      [...layer.adapters.get('default')!.updates.keys()].map((kernel) => `${path} ${kernel}`),
    );
  };
  const forward = ['both forward_memory/kernel', 'both forward_memory/recurrent_kernel'];
  const backward = ['both backward_memory/kernel', 'both backward_memory/recurrent_kernel'];

  test.each<[LoraConfig, string[]]>([
    [{ targets: ['both'] }, [...forward, ...backward]],
    [{ targets: ['memory'] }, [...forward, ...backward]],
    [{ targets: '.*memory' }, [...forward, ...backward]],
    [{ targets: ['forward_memory'] }, forward],
    [{ targets: /both\.backward_.*/ }, backward],
    [{ targets: ['memory'], exclude: ['both.forward_memory'] }, backward],
    [{ targets: ['memory'], exclude: ['recurrent_kernel'] }, [forward[0]!, backward[0]!]],
    [{ targetWeights: ['forward_memory.recurrent_kernel'] }, [forward[1]!]],
    [{ targets: ['forward_memory'], targetWeights: ['backward_memory.kernel'] }, [...forward, backward[0]!]],
    [{ targetWeights: ['head.kernel', 'backward_memory.kernel'] }, [backward[0]!, 'head kernel']],
  ])('is adapted as %o says', (config, expected) => {
    expect(adaptedKernels(config)).toEqual(expected);
  });

  test('trains biases and all weights as copies, named by the wrapper or the layer inside', () => {
    const base = build(both);
    const adapted = injectLora(base, { rank: 2, targets: ['head'], modulesToSave: ['memory'] });
    expect(adapted.trainableWeights).toHaveLength(2 + 6);
    randomizeAdapter(adapted);
    const inputs = [randomTensor([2, 4, 2], 5)];
    expect(largestDifference(outputsOf(mergeLora(adapted), inputs), outputsOf(adapted, inputs))).toBeLessThan(
      1e-5,
    );
    setAdapterStrength(adapted, 0);
    expect(outputsOf(adapted, inputs)).toEqual(outputsOf(base, inputs));
  });
});

describe('adapts a recurrent layer', () => {
  const check = async (base: tf.LayersModel, inputs: tf.Tensor[]) => {
    const adapted = injectLora(base, { rank: 2, alpha: 3 });
    expect(outputsOf(adapted, inputs)).toEqual(outputsOf(base, inputs));
    randomizeAdapter(adapted);
    const expected = outputsOf(adapted, inputs);
    expect(largestDifference(expected, outputsOf(base, inputs))).toBeGreaterThan(1e-3);
    expect(largestDifference(outputsOf(mergeLora(adapted), inputs), expected)).toBeLessThan(1e-6);
    expect(outputsOf(await reload(adapted), inputs)).toEqual(expected);
    const { numTensors } = tf.memory();
    outputsOf(adapted, inputs);
    expect(tf.memory().numTensors).toBe(numTensors);
  };

  test('behind a mask', async () => {
    const base = sequential(
      tf.layers.masking({ inputShape: [4, 2], maskValue: 0 } as Parameters<typeof tf.layers.masking>[0]),
      lstm(),
    );
    await check(base, [tf.mul(randomTensor([3, 4, 2], 2), tf.tensor([1, 1, 0, 0], [1, 4, 1]))]);
  });

  test('that starts with the states of another', async () => {
    const [source, target] = [tf.input({ shape: [4, 2] }), tf.input({ shape: [3, 2] })];
    const [, ...initialState] = lstm({ name: 'encoder', returnState: true }).apply(
      source,
    ) as tf.SymbolicTensor[];
    const outputs = lstm({ name: 'decoder' }).apply(target, { initialState }) as tf.SymbolicTensor;
    const base = tf.model({ inputs: [source, target], outputs });
    randomizeWeights(base);
    await check(base, [randomTensor([2, 4, 2], 2), randomTensor([2, 3, 2], 3)]);
  });

  test('that is applied twice', async () => {
    const inputs = [tf.input({ shape: [4, 2] }), tf.input({ shape: [5, 2] })];
    const shared = lstm();
    const outputs = tf.layers.add().apply(inputs.map((input) => shared.apply(input) as tf.SymbolicTensor));
    const base = tf.model({ inputs, outputs: outputs as tf.SymbolicTensor });
    randomizeWeights(base);
    await check(base, [randomTensor([2, 4, 2], 2), randomTensor([2, 5, 2], 3)]);
  });

  test('that keeps its state between calls', () => {
    const base = tf.sequential({ layers: [lstm({ stateful: true, batchInputShape: [2, 4, 2] })] });
    randomizeWeights(base);
    const adapted = injectLora(base, { rank: 2 });
    const x = [randomTensor([2, 4, 2], 2)];
    const [first, second] = [outputsOf(adapted, x), outputsOf(adapted, x)];
    expect([first, second]).toEqual([outputsOf(base, x), outputsOf(base, x)]);
    expect(second).not.toEqual(first);
  });
});

test('summary and inspection list each kernel', () => {
  const adapted = injectLora(build(CASES[1]!), { ...CONFIG, bias: 'lora-only' });
  randomizeAdapter(adapted);
  const { layers, trainableParameters } = loraSummary(adapted);
  expect(layers.map(({ path, weight, trainableParameters: count }) => [path, weight, count])).toEqual([
    ['memory', 'kernel', 2 * (2 + 12) + 12],
    ['memory', 'recurrent_kernel', 2 * (3 + 12)],
  ]);
  expect(trainableParameters).toBe(70);
  const [kernel, recurrent] = inspectAdapters(adapted);
  expect(kernel!.kernelShape).toEqual([2, 12]);
  expect(recurrent!.kernelShape).toEqual([3, 12]);
  expect(recurrent!.singularValues).toHaveLength(2);
});

test('several adapters add up, combine, and are switched on and off', () => {
  const base = build(CASES[1]!);
  const inputs = [randomTensor([2, 4, 2], 5)];
  const adapted = injectLora(base, CONFIG);
  randomizeAdapter(adapted);
  addAdapter(adapted, 'second', { rank: 1, alpha: 2, targetWeights: ['memory.recurrent_kernel'] });
  setActiveAdapters(adapted, ['second']);
  randomizeAdapter(adapted, 70);
  setActiveAdapters(adapted, ['default', 'second']);
  const together = outputsOf(adapted, inputs);
  addWeightedAdapter(adapted, {
    name: 'sum',
    type: 'cat',
    adapters: [
      { name: 'default', weight: 1 },
      { name: 'second', weight: 1 },
    ],
  });
  setActiveAdapters(adapted, ['sum']);
  expect(largestDifference(outputsOf(adapted, inputs), together)).toBeLessThan(1e-5);
  disableAdapters(adapted);
  expect(outputsOf(adapted, inputs)).toEqual(outputsOf(base, inputs));
  enableAdapters(adapted);
  expect(largestDifference(outputsOf(adapted, inputs), together)).toBeLessThan(1e-5);
});

test('the engines train with the same losses, and leave the base as it is', () => {
  const rows = 16;
  const taskFor = (model: tf.LayersModel): TrainingTask => ({
    model,
    loss: (inputs, labels) =>
      tf.mean(
        tf.squaredDifference(model.apply(inputs, { training: true }) as tf.Tensor, tf.expandDims(labels, 1)),
      ),
    data: {
      rows,
      inputs: [{ values: randomTensor([rows, 4, 2], 11).dataSync<'float32'>(), featureShape: [4, 2] }],
      labels: { values: randomTensor([rows], 12).dataSync<'float32'>(), featureShape: [] },
    },
    batchSize: 4,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-2 },
    seed: 0,
  });
  const losses = (['eager', 'graph', 'xla'] as const).map((kind) => {
    const model = injectLora(build(CASES.find(({ title }) => title === 'bidirectional lstm')!), CONFIG);
    const before = weightsHash(baseWeights(model));
    const task = taskFor(model);
    const engine = engineOf(kind, task);
    const result = engine.run(rowsOf(task, 10));
    engine.syncModel();
    engine.dispose();
    expect(weightsHash(baseWeights(model))).toBe(before);
    return result;
  });
  expect(losses[0]!.at(-1)).not.toBe(losses[0]![0]);
  expect(largestDifference(losses[1]!, losses[0]!)).toBeLessThan(1e-5);
  expect(largestDifference(losses[2]!, losses[0]!)).toBeLessThan(1e-5);
});

test.each<[string, LoraConfig, RegExp]>([
  ['DoRA', { dora: true }, /weight 'memory\.kernel': does not support DoRA/],
  ['dropout', { dropout: 0.1 }, /weight 'memory\.kernel': does not support dropout, because/],
  ['weight-view', { method: 'weight-view', targets: ['memory'] }, /does not support method 'weight-view'/],
  [
    'a rank of one kernel',
    { rankPattern: { recurrent_kernel: 3 } },
    /rankPattern 'recurrent_kernel': matches no/,
  ],
])('refuses %s', (_title, config, message) => {
  const model = build(CASES[1]!);
  expect(() => injectLora(model, { ...CONFIG, ...config })).toThrow(UsageError);
  expect(() => injectLora(model, { ...CONFIG, ...config })).toThrow(message);
});

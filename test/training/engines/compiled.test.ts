import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { DataError, TrainingError } from '../../../src/errors.ts';
import { nativeBackend } from '../../../src/tensorflow/native/backend.ts';
import { CompiledEngine } from '../../../src/training/engines/compiled.ts';
import { recordStep } from '../../../src/training/engines/compiled-step.ts';
import type { OptimizerConfig, TrainingTask } from '../../../src/training/index.ts';
import {
  type EngineKind,
  engineOf,
  largestRelativeDifference,
  lossesOf,
  rowsOf,
} from '../../helpers/engines.ts';
import { layerKinds } from '../../helpers/layer-kinds.ts';
import { optimizerCases, taskOfGradients, weightsOf } from '../../helpers/optimizers.ts';
import { largestDifference } from '../../helpers/parity.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

const compiled = ['graph', 'xla'] as const;

/** Everything that can change from step to step: slots, schedule, clipping, moving averages. */
const optimizer: OptimizerConfig = {
  rule: { kind: 'adamw', weightDecay: 0.1 },
  learningRate: 1e-2,
  clipNorm: 1,
  schedule: { kind: 'cosine', totalSteps: 40, warmup: 5 },
};
const normalized = () =>
  smallNet({ layers: [tf.layers.batchNormalization({ name: 'norm', momentum: 0.5 })] });
const task = () => smallTask({ model: normalized(), optimizer });

test.for(compiled)('%s makes the steps that the eager engine makes', (kind) => {
  const [eager, other] = [task(), task()];
  const engines = [engineOf('eager', eager), engineOf(kind, other)] as const;
  const losses = engines.map((engine) => engine.run(rowsOf(eager, 41)));
  expect(largestRelativeDifference(losses[1]!, losses[0]!)).toBeLessThan(1e-5);
  const [expected, state] = engines.map((engine) => engine.state());
  expect(state!.step).toBe(41);
  for (const part of ['weights', 'slots'] as const) {
    expect([...state![part].keys()].sort()).toEqual([...expected![part].keys()].sort());
    for (const [name, values] of expected![part]) {
      expect(largestRelativeDifference(state![part].get(name)!, values)).toBeLessThan(1e-5);
    }
  }
  engines[1].dispose();
});

test.for(compiled)('%s: the same seed gives the same bits', (kind) => {
  expect(lossesOf(kind, task(), 30)).toEqual(lossesOf(kind, task(), 30));
});

test.for<[EngineKind, number[]]>([
  ['graph', [1, 9, 3, 7]],
  ['xla', [1, 9, 3, 7]],
])(
  '%s: steps in parts %s, some in a new engine from the state, give the bits of all at once',
  ([kind, parts]) => {
    const one = engineOf(kind, task());
    const expected = one.run(rowsOf(task(), 20));
    let engine = engineOf(kind, task());
    const losses: number[] = [];
    for (const count of parts) {
      losses.push(...engine.run(rowsOf(task(), count, losses.length)));
      const state = engine.state();
      engine.dispose();
      engine = engineOf(kind, task());
      engine.restore(state);
    }
    expect(losses).toEqual([...expected]);
    expect(engine.state()).toEqual(one.state());
    for (const each of [one, engine]) each.dispose();
  },
);

test('more steps than one call of the session takes are made in several', () => {
  const parts = engineOf('graph', task());
  const losses = [500, 100].map((count, index) => parts.run(rowsOf(task(), count, index * 500)));
  expect([...lossesOf('graph', task(), 600)]).toEqual(losses.flatMap((part) => [...part]));
  parts.dispose();
});

test('for a GPU, convolutions make a loop of fixed length, of which turns that do not count leave no trace', () => {
  const convolution = () => [
    tf.layers.conv2d({
      name: 'convolution',
      filters: 2,
      kernelSize: 2,
      useBias: false,
      kernelInitializer: tf.initializers.glorotUniform({ seed: 3 }),
    }),
    tf.layers.batchNormalization({ name: 'norm', momentum: 0.5 }),
  ];
  const task = () => {
    return smallTask({ model: smallNet({ inputShape: [4, 4, 1], layers: convolution() }), optimizer });
  };
  const fixed = new CompiledEngine(task(), recordStep(task()), {
    jit: true,
    target: 'gpu',
    stepsPerIteration: 1,
    steps: 40,
  });
  expect(fixed.stepsPerCall).toBe(40);
  const eager = engineOf('eager', task());
  for (const count of [3, 1, 45]) {
    const rows = rowsOf(task(), count, fixed.step);
    expect(largestRelativeDifference(fixed.run(rows), eager.run(rows))).toBeLessThan(1e-4);
  }
  const [state, expected] = [fixed.state(), eager.state()];
  expect(state.step).toBe(49);
  for (const part of ['weights', 'slots'] as const) {
    for (const [name, values] of expected[part]) {
      expect(largestRelativeDifference(state[part].get(name)!, values)).toBeLessThan(1e-4);
    }
  }
  expect(nativeBackend().binding.getNumOfSavedModels()).toBe(1);
  fixed.dispose();
});

test('another engine goes on from a state', () => {
  const expected = lossesOf('eager', task(), 20);
  const eager = engineOf('eager', task());
  eager.run(rowsOf(task(), 12));
  const graph = engineOf('graph', task());
  graph.restore(eager.state());
  expect(largestRelativeDifference(graph.run(rowsOf(task(), 8, 12)), expected.subarray(12))).toBeLessThan(
    1e-5,
  );
  graph.dispose();
});

test.for(optimizerCases.map(({ name }, index) => [name, index] as const))(
  '%s takes the steps of torch.optim in the graph',
  ([, index]) => {
    const { config, after } = optimizerCases[index]!;
    const own = taskOfGradients(config);
    const engine = engineOf('graph', own);
    let done = 0;
    for (const [step, expected] of Object.entries(after)) {
      engine.run(Int32Array.from({ length: Number(step) - done }, (_, row) => done + row));
      done = Number(step);
      engine.syncModel();
      expect(largestDifference(weightsOf(own), expected)).toBeLessThan(1e-6);
    }
    engine.dispose();
  },
);

test('the model keeps its weights until they are asked for', () => {
  const own = task();
  const before = own.model.getWeights().map((weight) => weight.dataSync().slice());
  const engine = engineOf('graph', own);
  engine.run(rowsOf(own, 5));
  expect(own.model.getWeights().map((weight) => weight.dataSync())).toEqual(before);
  engine.syncModel();
  const weights = engine.state().weights;
  expect(own.model.getWeights()[0]!.dataSync()).not.toEqual(before[0]);
  expect(weights.get('out/bias')).toEqual(own.model.getLayer('out').getWeights()[1]!.dataSync());
  engine.dispose();
});

test('frozen weights do not move and are no part of the state', () => {
  const model = smallNet();
  model.getLayer('hidden').trainable = false;
  const engine = engineOf('graph', smallTask({ model }));
  engine.run(rowsOf(smallTask(), 5));
  expect([...engine.state().weights.keys()]).toEqual(['out/kernel', 'out/bias']);
  engine.dispose();
});

test('several inputs and columns of bytes, whole numbers and fractions reach the loss as they are', () => {
  const [ids, scales] = [tf.input({ shape: [2], dtype: 'int32' }), tf.input({ shape: [3] })];
  const embedded = tf.layers
    .embedding({
      inputDim: 9,
      outputDim: 2,
      embeddingsInitializer: tf.initializers.glorotUniform({ seed: 1 }),
    })
    .apply(ids) as tf.SymbolicTensor;
  const both = tf.layers
    .concatenate()
    .apply([tf.layers.flatten().apply(embedded) as tf.SymbolicTensor, scales]);
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 2 });
  const output = tf.layers.dense({ units: 1, kernelInitializer }).apply(both) as tf.SymbolicTensor;
  const model = tf.model({ inputs: [ids, scales], outputs: output });
  const own: TrainingTask = {
    model,
    batchSize: 2,
    optimizer: { rule: { kind: 'sgd' }, learningRate: 0.01 },
    seed: 0,
    data: {
      rows: 4,
      inputs: [
        { values: Int32Array.of(1, 2, 3, 4, 5, 6, 7, 8), featureShape: [2] },
        { values: Uint8Array.of(1, 0, 255, 2, 3, 4, 9, 9, 9, 0, 0, 1), featureShape: [3] },
      ],
      labels: { values: Float32Array.of(0.5, -1.5, 2.25, 1), featureShape: [] },
    },
    loss: (inputs, labels) =>
      tf.mean(tf.squaredDifference((model.apply(inputs) as tf.Tensor).flatten(), labels)) as tf.Scalar,
  };
  const rows = Int32Array.of(0, 3, 2, 1);
  const expected = engineOf('graph', own);
  const losses = expected.run(rows);
  expected.dispose();
  expect(largestRelativeDifference(losses, engineOf('eager', own).run(rows))).toBeLessThan(1e-6);
});

test.for<[string, number[]]>([
  ['outside', [0, 1, 2, 3, 4, 60]],
  ['outside', [-1, 1, 2, 3, 4, 5]],
  ['whole batches', [0, 1, 2, 3]],
])('rows that are not in the data or make no batch are refused (%s)', ([message, rows]) => {
  const engine = engineOf('graph', smallTask());
  expect(() => engine.run(Int32Array.from(rows))).toThrow(DataError);
  expect(() => engine.run(Int32Array.from(rows))).toThrow(message);
  expect(engine.run(rowsOf(smallTask(), 1))).toHaveLength(1);
  engine.dispose();
});

test('a loss that is no number, a model without trainable weights and a foreign state are refused', () => {
  const vector = { ...smallTask(), loss: (_: tf.Tensor[], labels: tf.Tensor) => labels as never };
  expect(() => engineOf('graph', vector)).toThrow(/the loss has shape \[6\]; it has to be one number/);
  const model = smallNet();
  model.trainable = false;
  expect(() => engineOf('graph', smallTask({ model }))).toThrow(/no trainable weights/);
  const engine = engineOf('graph', smallTask());
  const { step, weights, slots } = engine.state();
  const foreign = { step, slots, weights: new Map([...weights].slice(1)) };
  expect(() => engine.restore(foreign)).toThrow(TrainingError);
  expect(() => engine.restore(foreign)).toThrow(/no values of 'hidden\/kernel', the task needs 128/);
  engine.dispose();
});

test('engines leave neither tensors nor sessions behind', () => {
  const own = task();
  const once = () => {
    const engine = engineOf('graph', own);
    engine.run(rowsOf(own, 3));
    engine.restore(engine.state());
    engine.syncModel();
    engine.dispose();
  };
  once();
  const { binding } = nativeBackend();
  const count = () => [tf.memory().numTensors, binding.getNumOfTensors(), binding.getNumOfSavedModels()];
  const before = count();
  for (let run = 0; run < 3; run++) once();
  expect(count()).toEqual(before);
});

test('1,000 calls of an engine leave no tensors and no memory behind', () => {
  const own = task();
  const engine = engineOf('graph', own);
  const rows = rowsOf(own, 1);
  for (let call = 0; call < 1000; call++) engine.run(rows);
  const { binding } = nativeBackend();
  const before = [tf.memory().numTensors, binding.getNumOfTensors()];
  const rss = process.memoryUsage().rss;
  for (let call = 0; call < 1000; call++) engine.run(rows);
  expect([tf.memory().numTensors, binding.getNumOfTensors()]).toEqual(before);
  // The row numbers that are fed would alone make 24 MB.
  expect(process.memoryUsage().rss - rss).toBeLessThan(16e6);
  engine.dispose();
});

test.for(['dense', 'conv2d and max pooling', 'regularizers'])(
  'a net with %s trains in the graph as it does eagerly',
  (name) => {
    const make = () => smallTask({ model: layerKinds[name]!() });
    expect(
      largestRelativeDifference(lossesOf('graph', make(), 60), lossesOf('eager', make(), 60)),
    ).toBeLessThan(1e-5);
  },
);

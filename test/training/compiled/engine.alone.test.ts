import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { DataError, TrainingError } from '../../../src/errors.ts';
import { nativeBackend } from '../../../src/tensorflow/index.ts';
import { CompiledEngine } from '../../../src/training/compiled/engine.ts';
import { recordStep } from '../../../src/training/compiled/record-step.ts';
import type { Engine, OptimizerConfig, TrainingTask } from '../../../src/training/index.ts';
import { engineOf, largestRelativeDifference, lossesOf, rowsOf } from '../../helpers/engines.ts';
import { layerKinds } from '../../helpers/layer-kinds.ts';
import { memoryCounts } from '../../helpers/memory.ts';
import { differenceFromTorch, gradientTask, optimizerCases } from '../../helpers/optimizers.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

const compiled = ['graph', 'xla'] as const;

/** float32 rounding over some dozen steps; the largest relative difference seen is below 1e-6. */
const ROUNDING = 1e-5;

/** Everything that may change from step to step: slots, schedule, clipping, moving averages. */
const optimizer: OptimizerConfig = {
  rule: { kind: 'adamw', weightDecay: 0.1 },
  learningRate: 1e-2,
  clipNorm: 1,
  schedule: { kind: 'cosine', totalSteps: 40, warmup: 5 },
};
const task = () =>
  smallTask({
    model: smallNet({ layers: [tf.layers.batchNormalization({ name: 'norm', momentum: 0.5 })] }),
    optimizer,
  });

function expectSameState(engine: Engine, expected: Engine, tolerance: number): void {
  const [state, expectedState] = [engine.state(), expected.state()];
  expect(state.step).toBe(expectedState.step);
  for (const part of ['weights', 'slots'] as const) {
    expect([...state[part].keys()].sort()).toEqual([...expectedState[part].keys()].sort());
    for (const [name, values] of expectedState[part]) {
      expect(largestRelativeDifference(state[part].get(name)!, values)).toBeLessThan(tolerance);
    }
  }
}

test.for(compiled)('%s has the losses and the state of the eager engine', (kind) => {
  const eager = engineOf('eager', task());
  const engine = engineOf(kind, task());
  const rows = rowsOf(task(), 41);
  expect(largestRelativeDifference(engine.run(rows), eager.run(rows))).toBeLessThan(ROUNDING);
  expectSameState(engine, eager, ROUNDING);
  engine.dispose();
});

test.for(compiled)('%s repeats itself bit for bit with the same seed', (kind) => {
  expect(lossesOf(kind, task(), 30)).toEqual(lossesOf(kind, task(), 30));
});

test.for(compiled)(
  '%s gives the same bits in one call as in several engines, each from the last state',
  (kind) => {
    const whole = engineOf(kind, task());
    const expected = whole.run(rowsOf(task(), 20));
    let engine = engineOf(kind, task());
    const losses: number[] = [];
    for (const count of [1, 9, 3, 7]) {
      losses.push(...engine.run(rowsOf(task(), count, losses.length)));
      const state = engine.state();
      engine.dispose();
      engine = engineOf(kind, task());
      engine.restore(state);
    }
    expect(losses).toEqual([...expected]);
    expect(engine.state()).toEqual(whole.state());
    for (const each of [whole, engine]) each.dispose();
  },
);

test('runs more steps than fit into one call of the session', () => {
  const parts = engineOf('graph', task());
  const losses = [500, 100].map((count, index) => parts.run(rowsOf(task(), count, index * 500)));
  expect([...lossesOf('graph', task(), 600)]).toEqual(losses.flatMap((part) => [...part]));
  parts.dispose();
});

test('a loop of fixed length, as for convolutions on a GPU, changes nothing in its surplus iterations', () => {
  const layers = () => [
    tf.layers.conv2d({
      name: 'convolution',
      filters: 2,
      kernelSize: 2,
      useBias: false,
      kernelInitializer: tf.initializers.glorotUniform({ seed: 3 }),
    }),
    tf.layers.batchNormalization({ name: 'norm', momentum: 0.5 }),
  ];
  const convolutionTask = () =>
    smallTask({ model: smallNet({ inputShape: [4, 4, 1], layers: layers() }), optimizer });
  const compiledTask = convolutionTask();
  const engine = new CompiledEngine(compiledTask, recordStep(compiledTask), {
    jit: true,
    target: 'gpu',
    stepsPerCall: 40,
  });
  expect(engine.stepsPerCall).toBe(40);
  const eager = engineOf('eager', convolutionTask());
  for (const count of [3, 1, 45]) {
    const rows = rowsOf(convolutionTask(), count, engine.step);
    // In the form for GPUs, convolutions add their products in another order.
    expect(largestRelativeDifference(engine.run(rows), eager.run(rows))).toBeLessThan(1e-4);
  }
  expect(engine.step).toBe(49);
  expectSameState(engine, eager, 1e-4);
  expect(nativeBackend().binding.getNumOfSavedModels()).toBe(1);
  engine.dispose();
});

test('continues from the state of another engine', () => {
  const expected = lossesOf('eager', task(), 20);
  const eager = engineOf('eager', task());
  eager.run(rowsOf(task(), 12));
  const graph = engineOf('graph', task());
  graph.restore(eager.state());
  const losses = graph.run(rowsOf(task(), 8, 12));
  expect(largestRelativeDifference(losses, expected.subarray(12))).toBeLessThan(ROUNDING);
  graph.dispose();
});

test.for(optimizerCases)('$name in a graph updates weights like torch.optim', (optimizerCase) => {
  const optimizerTask = gradientTask(optimizerCase.config);
  const engine = engineOf('graph', optimizerTask);
  expect(differenceFromTorch(engine, optimizerTask, optimizerCase)).toBeLessThan(1e-6);
  engine.dispose();
});

test('the model changes only in syncModel', () => {
  const { model, ...rest } = task();
  const before = model.getWeights().map((weight) => weight.dataSync().slice());
  const engine = engineOf('graph', { model, ...rest });
  engine.run(rowsOf(task(), 5));
  expect(model.getWeights().map((weight) => weight.dataSync())).toEqual(before);
  engine.syncModel();
  const { weights } = engine.state();
  expect(model.getWeights()[0]!.dataSync()).not.toEqual(before[0]);
  expect(weights.get('out/bias')).toEqual(model.getLayer('out').getWeights()[1]!.dataSync());
  engine.dispose();
});

test('frozen weights do not change and are not part of the state', () => {
  const model = smallNet();
  model.getLayer('hidden').trainable = false;
  const engine = engineOf('graph', smallTask({ model }));
  engine.run(rowsOf(smallTask(), 5));
  expect([...engine.state().weights.keys()]).toEqual(['out/kernel', 'out/bias']);
  engine.dispose();
});

test('several inputs of bytes, integers and floats reach the loss like in the eager engine', () => {
  const [ids, scales] = [tf.input({ shape: [2], dtype: 'int32' }), tf.input({ shape: [3] })];
  const embedded = tf.layers
    .embedding({
      inputDim: 9,
      outputDim: 2,
      embeddingsInitializer: tf.initializers.glorotUniform({ seed: 1 }),
    })
    .apply(ids) as tf.SymbolicTensor;
  const joined = tf.layers
    .concatenate()
    .apply([tf.layers.flatten().apply(embedded) as tf.SymbolicTensor, scales]);
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 2 });
  const output = tf.layers.dense({ units: 1, kernelInitializer }).apply(joined) as tf.SymbolicTensor;
  const model = tf.model({ inputs: [ids, scales], outputs: output });
  const twoInputs: TrainingTask = {
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
  const graph = engineOf('graph', twoInputs);
  const losses = graph.run(rows);
  graph.dispose();
  expect(largestRelativeDifference(losses, engineOf('eager', twoInputs).run(rows))).toBeLessThan(1e-6);
});

test.for<[string, number[], string]>([
  ['a row after the last', [0, 1, 2, 3, 4, 60], 'outside'],
  ['a negative row', [-1, 1, 2, 3, 4, 5], 'outside'],
  ['a batch that is not full', [0, 1, 2, 3], 'whole batches'],
])('rejects %s, and can run other rows afterwards', ([, rows, message]) => {
  const engine = engineOf('graph', smallTask());
  expect(() => engine.run(Int32Array.from(rows))).toThrow(DataError);
  expect(() => engine.run(Int32Array.from(rows))).toThrow(message);
  expect(engine.run(rowsOf(smallTask(), 1))).toHaveLength(1);
  engine.dispose();
});

test('rejects a loss that is not a scalar', () => {
  const vector = { ...smallTask(), loss: (_: tf.Tensor[], labels: tf.Tensor) => labels as never };
  expect(() => engineOf('graph', vector)).toThrow('the loss has shape [6], but it must be a scalar');
});

test('rejects a model without trainable weights', () => {
  const model = smallNet();
  model.trainable = false;
  expect(() => engineOf('graph', smallTask({ model }))).toThrow(/no trainable weights/);
});

test('rejects the state of another task', () => {
  const engine = engineOf('graph', smallTask());
  const { step, weights, slots } = engine.state();
  const foreign = { step, slots, weights: new Map([...weights].slice(1)) };
  expect(() => engine.restore(foreign)).toThrow(TrainingError);
  expect(() => engine.restore(foreign)).toThrow(/no values of 'hidden\/kernel', the task needs 128/);
  engine.dispose();
});

test('engines leave no tensors or graphs behind', () => {
  const reused = task();
  const useEngine = () => {
    const engine = engineOf('graph', reused);
    engine.run(rowsOf(reused, 3));
    engine.restore(engine.state());
    engine.syncModel();
    engine.dispose();
  };
  useEngine();
  const before = memoryCounts();
  for (let run = 0; run < 3; run++) useEngine();
  expect(memoryCounts()).toEqual(before);
});

test('calls of an engine leave no tensors or graphs behind', () => {
  const engine = engineOf('graph', task());
  const rows = rowsOf(task(), 1);
  engine.run(rows);
  const before = memoryCounts();
  for (let call = 0; call < 200; call++) engine.run(rows);
  expect(memoryCounts()).toEqual(before);
  engine.dispose();
});

test.for(['dense', 'conv2d and max pooling', 'regularizers'])(
  'a net with %s trains in the graph as it does eagerly',
  (name) => {
    const layerTask = () => smallTask({ model: layerKinds[name]!() });
    const [graph, eager] = (['graph', 'eager'] as const).map((kind) => lossesOf(kind, layerTask(), 60));
    expect(largestRelativeDifference(graph!, eager!)).toBeLessThan(ROUNDING);
  },
);

import * as tf from '@tensorflow/tfjs';
import { expect, onTestFinished, test } from 'vitest';
import { TrainingError, UsageError } from '../../../src/errors.ts';
import { loadTensorFlow, type NativeBackend, nativeBackend } from '../../../src/tensorflow/index.ts';
import { createEngine, type TrainingTask } from '../../../src/training/index.ts';
import { lossesOf, rowsOf } from '../../helpers/engines.ts';
import { layerKinds } from '../../helpers/layer-kinds.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

function create(name: Parameters<typeof createEngine>[0], task: TrainingTask, steps = 10) {
  const notes: string[] = [];
  const engine = createEngine(name, task, { steps, note: (line) => notes.push(line) });
  return { engine, notes };
}

/** Names the engine that `auto` chooses, and the reason that it gives. */
function choice(model: tf.LayersModel, steps: number): { name: string; reason: string } {
  const { engine, notes } = create('auto', smallTask({ model }), steps);
  engine.dispose();
  expect(notes).toHaveLength(1);
  return { name: engine.name, reason: notes[0]! };
}

test('auto chooses XLA for many steps, and the graph for few steps and for convolutions', () => {
  expect(choice(smallNet(), 2999).name).toBe('graph');
  // Each op adds to the time of compiling.
  expect(choice(smallNet(), 3000).name).toBe('graph');
  expect(choice(smallNet(), 3100)).toEqual({
    name: 'xla',
    reason: 'engine xla: compiling pays off for 3100 steps',
  });
  expect(choice(layerKinds.lstm!(), 3100).name).toBe('graph');
  expect(choice(layerKinds.lstm!(), 20_000).name).toBe('xla');
  expect(choice(layerKinds['conv2d and max pooling']!(), 100_000)).toEqual({
    name: 'graph',
    reason: 'engine graph: XLA is slow at Conv2D on a CPU',
  });
});

test('auto reports which engine it chose and why; an explicit engine reports nothing', () => {
  const auto = create('auto', smallTask());
  expect(auto.notes).toEqual(['engine graph: compiling does not pay off for 10 steps']);
  const named = create('graph', smallTask());
  expect(named.notes).toEqual([]);
  for (const { engine } of [auto, named]) engine.dispose();
});

test('without native TensorFlow, auto chooses the eager engine, and a graph engine falls back to it', async () => {
  await loadTensorFlow({ device: 'js' });
  try {
    const task = smallTask();
    expect(create('auto', task).engine.name).toBe('eager');
    const { engine, notes } = create('graph', task);
    expect(engine.name).toBe('eager');
    expect(notes).toEqual([expect.stringMatching(/^falling back to the eager engine: /)]);
  } finally {
    await loadTensorFlow({ device: 'cpu' });
  }
});

test('falls back to the eager engine if the step cannot be recorded', () => {
  const unrecordable = smallTask();
  let calls = 0;
  const task = {
    ...unrecordable,
    // A number that differs from call to call, as if it were drawn in JavaScript.
    loss: (...batch: Parameters<typeof unrecordable.loss>) =>
      unrecordable.loss(...batch).mul(1 + ++calls / 10) as tf.Scalar,
  };
  const { engine, notes } = create('xla', task);
  expect(engine.name).toBe('eager');
  expect(notes).toEqual([expect.stringMatching(/^falling back to the eager engine: op Mul: /)]);
  expect(engine.run(rowsOf(task, 2))).toHaveLength(2);
});

test('falls back from XLA to the graph, from the same state, if XLA cannot compile the step', () => {
  const upsampled = () => {
    const model = tf.sequential({
      layers: [
        tf.layers.conv2d({
          filters: 1,
          kernelSize: 2,
          inputShape: [4, 4, 1],
          kernelInitializer: tf.initializers.glorotUniform({ seed: 3 }),
        }),
        tf.layers.upSampling2d({ size: [2, 2] }),
        tf.layers.flatten(),
        tf.layers.dense({ units: 3, kernelInitializer: tf.initializers.glorotUniform({ seed: 4 }) }),
      ],
    });
    return smallTask({ model });
  };
  const task = upsampled();
  const { engine, notes } = create('xla', task);
  expect(engine.name).toBe('xla');
  const state = engine.state();
  const losses = engine.run(rowsOf(task, 5));
  expect(engine.name).toBe('graph');
  expect(notes).toEqual([expect.stringMatching(/^falling back to the graph engine: /)]);
  expect(losses).toEqual(lossesOf('graph', upsampled(), 5));
  engine.restore(state);
  expect(engine.run(rowsOf(task, 5))).toEqual(losses);
  expect(notes).toHaveLength(1);
  engine.dispose();
  expect(nativeBackend().binding.getNumOfSavedModels()).toBe(0);
});

/** Replaces functions of the addon until the test ends. */
function mockAddon(functions: Partial<NativeBackend['binding']>): void {
  const backend = nativeBackend();
  const { binding } = backend;
  const properties = Object.entries(functions).map(([name, value]) => [name, { value }]);
  backend.binding = Object.create(binding, Object.fromEntries(properties));
  onTestFinished(() => {
    backend.binding = binding;
  });
}

test('does not fall back if the device is out of memory or broken', () => {
  const task = smallTask();
  const { engine, notes } = create('xla', task);
  const runWithFailure = (message: string) => {
    mockAddon({
      runSavedModel: () => {
        throw new Error(message);
      },
    });
    return () => engine.run(rowsOf(task, 2));
  };
  expect(runWithFailure('RESOURCE_EXHAUSTED: Out of memory while trying to allocate 3 GB')).toThrow(
    /^not enough memory on the device/,
  );
  expect(runWithFailure('INTERNAL: CUDA_ERROR_ILLEGAL_ADDRESS')).toThrow(/^the GPU stopped working/);
  expect([engine.name, notes]).toEqual(['xla', []]);
  engine.dispose();
});

test('tries XLA without explicit precision before it falls back to the graph', () => {
  // XLA has no kernel for the gradient of upsampling, so both attempts fail.
  mockAddon({ isUsingGpuDevice: () => true });
  const model = tf.sequential({
    layers: [
      tf.layers.upSampling2d({ size: [2, 2], inputShape: [4, 4, 1] }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, kernelInitializer: tf.initializers.glorotUniform({ seed: 4 }) }),
      tf.layers.reshape({ targetShape: [1, 3, 1] }),
      tf.layers.upSampling2d({ size: [2, 1] }),
      tf.layers.flatten(),
      tf.layers.dense({ units: 3, kernelInitializer: tf.initializers.glorotUniform({ seed: 5 }) }),
    ],
  });
  const task = smallTask({ model });
  const { engine, notes } = create('xla', task);
  engine.run(rowsOf(task, 2));
  expect(engine.name).toBe('graph');
  expect(notes).toHaveLength(1);
  engine.dispose();
  expect(nativeBackend().binding.getNumOfSavedModels()).toBe(0);
});

test('every engine rejects a model without trainable weights', () => {
  const model = smallNet();
  model.trainable = false;
  for (const name of ['eager', 'graph', 'xla'] as const) {
    expect(() => create(name, smallTask({ model }))).toThrow(TrainingError);
  }
});

test('an unknown engine is rejected with the names of all engines', () => {
  const createUnknown = () => createEngine('tpu' as never, smallTask(), { steps: 1 });
  expect(createUnknown).toThrow(UsageError);
  expect(createUnknown).toThrow("unknown engine 'tpu'; choose from auto, eager, graph, xla");
});

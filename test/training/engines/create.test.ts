import * as tf from '@tensorflow/tfjs';
import { expect, onTestFinished, test } from 'vitest';
import { TrainingError, UsageError } from '../../../src/errors.ts';
import { loadTensorFlow } from '../../../src/tensorflow/index.ts';
import { type NativeBackend, nativeBackend } from '../../../src/tensorflow/native/backend.ts';
import { chooseEngine } from '../../../src/training/engines/choose.ts';
import { recordStep } from '../../../src/training/engines/compiled-step.ts';
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

const programOf = (model: tf.LayersModel) => () => recordStep(smallTask({ model })).program;

test('auto takes XLA for long runs of dense nets, and the graph for short runs and convolutions', () => {
  expect(chooseEngine(100, programOf(smallNet())).name).toBe('graph');
  expect(chooseEngine(100_000, programOf(smallNet())).name).toBe('xla');
  // The many ops of a sequence take long to compile.
  expect(chooseEngine(20_000, programOf(layerKinds.lstm!())).name).toBe('graph');
  const convolution = chooseEngine(100_000, programOf(layerKinds['conv2d and max pooling']!()));
  expect(convolution).toEqual({ name: 'graph', reason: expect.stringContaining('Conv2D') });
});

test('auto takes the eager engine where there is no native TensorFlow, and so does whoever asks for a graph', async () => {
  await loadTensorFlow({ device: 'js' });
  try {
    const task = smallTask();
    expect(create('auto', task).engine.name).toBe('eager');
    const { engine, notes } = create('graph', task);
    expect(engine.name).toBe('eager');
    expect(notes).toEqual([
      expect.stringMatching(/^falling back to the eager engine: native TensorFlow: not loaded/),
    ]);
  } finally {
    await loadTensorFlow({ device: 'cpu' });
  }
});

test('auto says what it took and why; an engine asked for by name is silent', () => {
  const { engine, notes } = create('auto', smallTask());
  expect(notes).toEqual([expect.stringMatching(/^engine graph: 10 steps would be over before/)]);
  const asked = create('graph', smallTask());
  expect(asked.notes).toEqual([]);
  for (const each of [engine, asked.engine]) each.dispose();
});

test('a step that cannot be recorded runs eagerly, after one line that says why', () => {
  const own = smallTask();
  const task = {
    ...own,
    loss: (...batch: Parameters<typeof own.loss>) => own.loss(...batch).mul(1 + Math.random()) as tf.Scalar,
  };
  const { engine, notes } = create('xla', task);
  expect(engine.name).toBe('eager');
  expect(notes).toEqual([expect.stringMatching(/^falling back to the eager engine: op Mul: uses values/)]);
  expect(engine.run(rowsOf(task, 2))).toHaveLength(2);
});

test('a step that XLA cannot compile runs in the graph, from the same state, after one line that says why', () => {
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

/** Puts functions in the place of the addon's until the test ends. */
function replaceInAddon(functions: Partial<NativeBackend['binding']>): void {
  const backend = nativeBackend();
  const { binding } = backend;
  const properties = Object.entries(functions).map(([name, value]) => [name, { value }]);
  backend.binding = Object.create(binding, Object.fromEntries(properties));
  onTestFinished(() => {
    backend.binding = binding;
  });
}

test('a device that is full or broken is an error, since no other engine would do better', () => {
  const task = smallTask();
  const { engine, notes } = create('xla', task);
  const fail = (message: string) => {
    replaceInAddon({
      runSavedModel: () => {
        throw new Error(message);
      },
    });
    return () => engine.run(rowsOf(task, 2));
  };
  expect(fail('RESOURCE_EXHAUSTED: Out of memory while trying to allocate 3 GB')).toThrow(
    /^not enough memory on the device/,
  );
  expect(fail('INTERNAL: CUDA_ERROR_ILLEGAL_ADDRESS')).toThrow(/^the GPU stopped working/);
  expect([engine.name, notes]).toEqual(['xla', []]);
  engine.dispose();
});

test('products that say how precise they are give way to plain ones before the graph takes over', () => {
  replaceInAddon({ isUsingGpuDevice: () => true });
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

test('what is wrong with the task itself is an error on every engine', () => {
  const model = smallNet();
  model.trainable = false;
  for (const name of ['eager', 'graph', 'xla'] as const) {
    expect(() => create(name, smallTask({ model }))).toThrow(TrainingError);
  }
});

test('an engine that does not exist is refused with those that do', () => {
  const create = () => createEngine('tpu' as never, smallTask(), { steps: 1 });
  expect(create).toThrow(UsageError);
  expect(create).toThrow("engine 'tpu': there are auto, eager, graph, xla");
});

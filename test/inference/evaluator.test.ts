import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { createEvaluator, type EvaluateOptions, evaluate } from '../../src/inference/index.ts';
import {
  addAdapter,
  deleteAdapter,
  disableAdapters,
  enableAdapters,
  injectLora,
  setAdapterStrength,
} from '../../src/lora/index.ts';
import { shuffledSampler } from '../../src/mnist-data-loader/index.ts';
import { nativeBackend } from '../../src/tensorflow/native/backend.ts';
import { createEngine } from '../../src/training/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { smallNet, smallTask, stripes } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const normalization = { mean: 0.1, std: 0.3 };
const engines = ['graph', 'xla'] as const;
const onGpu = process.env.TFJS_LORA_TEST_DEVICE === 'cuda';
const sessions = () => nativeBackend().binding.getNumOfSavedModels();
const nativeTensors = () => nativeBackend().binding.getNumOfTensors();

/** An evaluator whose every evaluation is compared with an eager one. */
function comparedWithEager(model: tf.LayersModel, options: Partial<EvaluateOptions>) {
  const evaluator = createEvaluator(model, { normalization, ...options });
  const check = (dataset = stripes()) => {
    const expected = evaluate(model, dataset, { normalization, engine: 'eager' });
    const found = evaluator.evaluate(dataset);
    expect(found.predictions).toEqual(expected.predictions);
    expect(largestDifference(found.confidences, expected.confidences)).toBeLessThan(1e-6);
    expect(found.loss).toBeCloseTo(expected.loss, 5);
    return found;
  };
  return { evaluator, check };
}

function train(model: tf.LayersModel): void {
  const engine = createEngine('graph', smallTask({ model }), { steps: 20 });
  engine.run(shuffledSampler({ rows: 60, seed: 1 }).take(0, 20 * 6));
  engine.syncModel();
  engine.dispose();
}

const pictures = () =>
  smallNet({
    inputShape: [4, 4, 1],
    layers: [
      tf.layers.conv2d({ filters: 3, kernelSize: 2, activation: 'relu' }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.batchNormalization(),
    ],
  });

test.for(engines)('%s gives what eager does, for dense layers and convolutions, trained or not', (engine) => {
  for (const model of [smallNet(), pictures()]) {
    const { evaluator, check } = comparedWithEager(model, { engine });
    const before = check();
    train(model);
    expect(check().loss).not.toBe(before.loss);
    expect(evaluator.engine).toBe(engine);
    evaluator.dispose();
  }
  expect(sessions()).toBe(0);
});

test.for(engines)('%s follows adapters: training, strength, off and on, one more, one less', (engine) => {
  const model = injectLora(smallNet(), { rank: 2 });
  const { evaluator, check } = comparedWithEager(model, { engine });
  const losses = [
    () => {},
    () => train(model),
    () => setAdapterStrength(model, 0.5),
    () => disableAdapters(model),
  ].map((change) => {
    change();
    return check().loss;
  });
  expect(new Set(losses.slice(1)).size).toBe(3);
  expect(losses[3]).toBeCloseTo(losses[0]!, 6);
  enableAdapters(model);
  expect(check().loss).toBe(losses[2]);
  addAdapter(model, 'other', { rank: 1 });
  check();
  deleteAdapter(model, 'default');
  check();
  deleteAdapter(model, 'other');
  expect(check().loss).toBeCloseTo(losses[0]!, 6);
  expect(evaluator.engine).toBe(engine);
  evaluator.dispose();
});

test('sets of other sizes, and sizes that no batch divides, are evaluated alike', () => {
  const { evaluator, check } = comparedWithEager(smallNet(), { engine: 'graph', batchSize: 7 });
  for (const count of [60, 1, 13, 60]) expect(check(stripes(count)).count).toBe(count);
  evaluator.dispose();
});

test.for([0, 1.5, Number.NaN])('a batch size of %s is refused', (batchSize) => {
  expect(() => createEvaluator(smallNet(), { normalization, batchSize })).toThrow(UsageError);
});

test('an engine that does not exist is refused with those that do', () => {
  const create = () => createEvaluator(smallNet(), { normalization, engine: 'tpu' as never });
  expect(create).toThrow(UsageError);
  expect(create).toThrow("unknown engine 'tpu'; choose from auto, eager, graph, xla");
});

test('an empty set is refused, for it has neither loss nor accuracy', () => {
  const empty = () => evaluate(smallNet(), stripes(0), { normalization });
  expect(empty).toThrow(DataError);
  expect(empty).toThrow('there are no images to evaluate on');
});

test('a model that is used often is compiled on a CPU; one that is not, or on a GPU, is not', () => {
  const { evaluator, check } = comparedWithEager(smallNet(), { batchSize: 5 });
  check();
  expect([evaluator.engine, sessions()]).toEqual(['eager', 0]);
  check();
  expect([evaluator.engine, sessions()]).toEqual(onGpu ? ['eager', 0] : ['graph', 1]);
  evaluator.dispose();
  expect(sessions()).toBe(0);
});

test('a model that cannot be compiled is evaluated all the same', () => {
  class Reading extends tf.layers.Layer {
    static className = 'Reading';
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      const x = [inputs].flat()[0]!;
      return tf.sum(x).dataSync()[0]! > 0 ? tf.relu(x) : x;
    }
  }
  const { evaluator, check } = comparedWithEager(smallNet({ layers: [new Reading({})] }), { engine: 'xla' });
  for (let run = 0; run < 2; run++) check();
  expect(evaluator.engine).toBe('eager');
  expect(sessions()).toBe(0);
});

test.for(['eager', ...engines] as const)('%s leaves nothing behind over 300 evaluations', (engine) => {
  const model = smallNet({ inputShape: [4, 4, 1] });
  const evaluator = createEvaluator(model, { normalization, engine });
  const dataset = stripes(3000);
  const run = () => evaluator.evaluate(dataset);
  for (let warm = 0; warm < 100; warm++) run();
  const before = { tensors: tf.memory().numTensors, native: nativeTensors(), sessions: sessions() };
  const rss = process.memoryUsage().rss;
  for (let again = 0; again < 300; again++) {
    model.setWeights(model.getWeights());
    run();
  }
  expect({ tensors: tf.memory().numTensors, native: nativeTensors(), sessions: sessions() }).toEqual(before);
  // A leak of the images alone, as they are fed, would be 14 MB, of what the model makes of them 58 MB and more.
  expect(process.memoryUsage().rss - rss).toBeLessThan(30e6);
  evaluator.dispose();
  expect(sessions()).toBe(0);
});

import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { shuffledSampler } from '../../src/data/index.ts';
import { UsageError } from '../../src/errors.ts';
import { createEvaluator, type EvaluateOptions, evaluate } from '../../src/inference/index.ts';
import {
  addAdapter,
  deleteAdapter,
  disableAdapters,
  enableAdapters,
  injectLora,
  setAdapterStrength,
} from '../../src/lora/index.ts';
import { createEngine } from '../../src/training/index.ts';
import { memoryCounts } from '../helpers/memory.ts';
import { largestDifference } from '../helpers/parity.ts';
import { smallNet, smallTask, stripes } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const normalization = { mean: 0.1, std: 0.3 };
const engines = ['graph', 'xla'] as const;
const onGpu = process.env.TFJS_LORA_TEST_DEVICE === 'cuda';

/** An evaluator, and a function that evaluates with it and compares the result with an eager evaluation. */
function createChecked(model: tf.LayersModel, options: Partial<EvaluateOptions>) {
  const evaluator = createEvaluator(model, { normalization, ...options });
  const check = (dataset = stripes()) => {
    const expected = evaluate(model, dataset, { normalization, engine: 'eager' });
    const actual = evaluator.evaluate(dataset);
    // The tolerances allow for float32 rounding.
    expect(actual.predictions).toEqual(expected.predictions);
    expect(largestDifference(actual.confidences, expected.confidences)).toBeLessThan(1e-6);
    expect(actual.loss).toBeCloseTo(expected.loss, 5);
    return actual;
  };
  return { evaluator, check };
}

function train(model: tf.LayersModel): void {
  const engine = createEngine('graph', smallTask({ model }), { steps: 20 });
  engine.run(shuffledSampler({ rows: 60, seed: 1 }).take(0, 20 * 6));
  engine.syncModel();
  engine.dispose();
}

const convNet = () =>
  smallNet({
    inputShape: [4, 4, 1],
    layers: [
      tf.layers.conv2d({
        filters: 3,
        kernelSize: 2,
        activation: 'relu',
        kernelInitializer: tf.initializers.glorotUniform({ seed: 3 }),
      }),
      tf.layers.maxPooling2d({ poolSize: 2 }),
      tf.layers.batchNormalization(),
    ],
  });

test.for(engines)(
  '%s evaluates dense and convolutional nets like eager, before and after training',
  (engine) => {
    for (const model of [smallNet(), convNet()]) {
      const { evaluator, check } = createChecked(model, { engine });
      const before = check();
      train(model);
      expect(check().loss).not.toBe(before.loss);
      expect(evaluator.engine).toBe(engine);
      evaluator.dispose();
    }
    expect(memoryCounts().sessions).toBe(0);
  },
);

test.for(engines)('%s follows changes of adapters, their strength and activation', (engine) => {
  const model = injectLora(smallNet(), { rank: 2 });
  const { evaluator, check } = createChecked(model, { engine });
  const untrained = check().loss;
  train(model);
  const trained = check().loss;
  setAdapterStrength(model, 0.5);
  const half = check().loss;
  disableAdapters(model);
  const disabled = check().loss;
  expect(new Set([trained, half, disabled]).size).toBe(3);
  expect(disabled).toBeCloseTo(untrained, 6);
  enableAdapters(model);
  expect(check().loss).toBe(half);
  addAdapter(model, 'other', { rank: 1 });
  check();
  deleteAdapter(model, 'default');
  check();
  deleteAdapter(model, 'other');
  expect(check().loss).toBeCloseTo(untrained, 6);
  expect(evaluator.engine).toBe(engine);
  evaluator.dispose();
});

test('evaluates data sets of any size, also if the batch size does not divide it', () => {
  const { evaluator, check } = createChecked(smallNet(), { engine: 'graph', batchSize: 7 });
  for (const count of [60, 1, 13, 60]) expect(check(stripes(count)).count).toBe(count);
  evaluator.dispose();
});

test.for(['eager', ...engines] as const)(
  '%s evaluates each of several data sets on its own images',
  (engine) => {
    const { evaluator, check } = createChecked(smallNet(), { engine });
    const first = stripes(60);
    const second = { ...first, images: first.images.toReversed() };
    const losses = [first, first, second, first].map((dataset) => check(dataset).loss);
    expect(losses).toEqual([losses[0], losses[0], losses[2], losses[0]]);
    expect(losses[2]).not.toBe(losses[0]);
    evaluator.dispose();
  },
);

test.for([0, 1.5, Number.NaN])('rejects the batch size %s', (batchSize) => {
  expect(() => createEvaluator(smallNet(), { normalization, batchSize })).toThrow(UsageError);
});

test('rejects an unknown engine with the names of all engines', () => {
  const create = () => createEvaluator(smallNet(), { normalization, engine: 'tpu' as never });
  expect(create).toThrow(UsageError);
  expect(create).toThrow("unknown engine 'tpu'; choose from auto, eager, graph, xla");
});

test('compiles a model on a CPU after 24 batches', { skip: onGpu }, () => {
  const { evaluator, check } = createChecked(smallNet(), { batchSize: 5 });
  check(); // 12 batches
  expect([evaluator.engine, memoryCounts().sessions]).toEqual(['eager', 0]);
  check();
  expect([evaluator.engine, memoryCounts().sessions]).toEqual(['graph', 1]);
  evaluator.dispose();
  expect(memoryCounts().sessions).toBe(0);
});

test.runIf(onGpu)('compiles a model on a GPU after 64 evaluations, if the images are the same', () => {
  const dataset = stripes();
  const { evaluator, check } = createChecked(smallNet(), {});
  for (let run = 1; run <= 64; run++) evaluator.evaluate(stripes());
  expect([evaluator.engine, memoryCounts().sessions]).toEqual(['eager', 0]);
  for (let run = 0; run < 3; run++) check(dataset);
  expect([evaluator.engine, memoryCounts().sessions]).toEqual(['graph', 1]);
  evaluator.dispose();
  const batches = createChecked(smallNet(), { batchSize: 1 });
  for (let run = 0; run < 2; run++) batches.check(dataset); // 120 batches
  expect(batches.evaluator.engine).toBe('eager');
  batches.evaluator.dispose();
  expect(memoryCounts().sessions).toBe(0);
});

test('evaluates a model that cannot be compiled eagerly', () => {
  class Reading extends tf.layers.Layer {
    static className = 'Reading';
    override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
      const x = [inputs].flat()[0]!;
      return tf.sum(x).dataSync()[0]! > 0 ? tf.relu(x) : x;
    }
  }
  const { evaluator, check } = createChecked(smallNet({ layers: [new Reading({})] }), { engine: 'xla' });
  for (let run = 0; run < 2; run++) check();
  expect(evaluator.engine).toBe('eager');
  expect(memoryCounts().sessions).toBe(0);
});

test.for(['eager', ...engines] as const)('%s leaves no tensors or graphs behind', (engine) => {
  const model = smallNet({ inputShape: [4, 4, 1] });
  const evaluator = createEvaluator(model, { normalization, engine });
  const dataset = stripes(300);
  evaluator.evaluate(dataset);
  const before = memoryCounts();
  for (let run = 0; run < 20; run++) {
    model.setWeights(model.getWeights());
    evaluator.evaluate(dataset);
  }
  expect(memoryCounts()).toEqual(before);
  evaluator.dispose();
  expect(memoryCounts().sessions).toBe(0);
});

import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { weightsHash } from '../../src/content-hash.ts';
import { compileFunction } from '../../src/graph/index.ts';
import {
  addAdapter,
  baseWeights,
  disableAdapters,
  injectLora,
  type LoraConfig,
  mergeLora,
  setActiveAdapters,
  setAdapterStrength,
} from '../../src/lora/index.ts';
import type { TrainingTask } from '../../src/training/index.ts';
import { engineOf, rowsOf } from '../helpers/engines.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { outputsOf, randomizeAdapter, randomTensor, sequential } from './models.ts';

useDevice();

function convModel(): tf.LayersModel {
  return sequential(
    tf.layers.conv2d({ name: 'conv', inputShape: [6, 6, 2], filters: 4, kernelSize: 3, activation: 'tanh' }),
    tf.layers.flatten(),
    tf.layers.dense({ name: 'hidden', units: 6, activation: 'relu' }),
    tf.layers.dense({ name: 'out', units: 3 }),
  );
}

function denseModel(): tf.LayersModel {
  return sequential(
    tf.layers.dense({ name: 'hidden', inputShape: [8], units: 6, activation: 'relu' }),
    tf.layers.dense({ name: 'out', units: 3 }),
  );
}

const FORMS: Record<string, LoraConfig> = {
  'method side': {},
  'method weight': { method: 'weight' },
  'method side with biases and a module to save': {
    bias: 'all',
    targets: ['hidden'],
    modulesToSave: ['out'],
  },
  DoRA: { dora: true },
  PiSSA: { init: 'pissa' },
};

describe.each([false, true])('in a compiled function, jit %s', (jit) => {
  test('strength, state and choice of adapters take effect from the next call on', () => {
    const base = convModel();
    const model = injectLora(base, { rank: 2, alpha: 3, bias: 'lora-only' });
    randomizeAdapter(model, 50);
    addAdapter(model, 'second', { rank: 1, alpha: 4, dora: true });
    setActiveAdapters(model, ['second']);
    randomizeAdapter(model, 70);
    const x = randomTensor([4, 6, 6, 2], 3);
    const compiled = compileFunction((input) => model.apply(input) as tf.Tensor, { jit });
    const compiledBase = compileFunction((input) => base.apply(input) as tf.Tensor, { jit });
    const check = () =>
      expect(largestDifference(compiled(x).dataSync(), outputsOf(model, [x]))).toBeLessThan(1e-5);
    check();
    setActiveAdapters(model, ['default']);
    check();
    setAdapterStrength(model, 0.4);
    check();
    setActiveAdapters(model, ['default', 'second']);
    check();
    setAdapterStrength(model, 0);
    const baseOutputs = compiledBase(x).dataSync();
    // XLA fuses the layer with the added zeros, and may round it differently.
    if (jit) expect(largestDifference(compiled(x).dataSync(), baseOutputs)).toBeLessThan(1e-6);
    else expect(compiled(x).dataSync()).toEqual(baseOutputs);
    setAdapterStrength(model, 1);
    disableAdapters(model);
    expect(largestDifference(compiled(x).dataSync(), baseOutputs)).toBeLessThan(1e-6);
    compiled.dispose();
    compiledBase.dispose();
  });
});

describe.each(Object.keys(FORMS))('%s', (form) => {
  test('trains alike on every engine, changes only the adapter, and merges afterwards', () => {
    const losses = (['eager', 'graph', 'xla'] as const).map((kind) => {
      const model = injectLora(denseModel(), { rank: 2, alpha: 3, ...FORMS[form] });
      randomizeAdapter(model);
      const before = weightsHash(baseWeights(model));
      const untrained = outputsOf(model);
      const task = taskFor(model);
      const engine = engineOf(kind, task);
      const result = engine.run(rowsOf(task, 30));
      engine.syncModel();
      engine.dispose();
      expect(weightsHash(baseWeights(model))).toBe(before);
      expect(largestDifference(outputsOf(model), untrained)).toBeGreaterThan(1e-2);
      expect(largestDifference(outputsOf(mergeLora(model)), outputsOf(model))).toBeLessThan(1e-5);
      return result;
    });
    expect(largestDifference(losses[1]!, losses[0]!)).toBeLessThan(1e-5);
    expect(largestDifference(losses[2]!, losses[0]!)).toBeLessThan(1e-5);
  });
});

function taskFor(model: tf.LayersModel): TrainingTask {
  const rows = 32;
  return {
    model,
    loss: (inputs, labels) =>
      tf.mean(
        tf.squaredDifference(model.apply(inputs, { training: true }) as tf.Tensor, tf.expandDims(labels, 1)),
      ),
    data: {
      rows,
      inputs: [{ values: randomTensor([rows, 8], 11).dataSync<'float32'>(), featureShape: [8] }],
      labels: { values: randomTensor([rows], 12).dataSync<'float32'>(), featureShape: [] },
    },
    batchSize: 4,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-2 },
    seed: 0,
  };
}

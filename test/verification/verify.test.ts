import * as tf from '@tensorflow/tfjs';
import { describe, expect, test } from 'vitest';
import { contentHash } from '../../src/content-hash.ts';
import {
  addAdapter,
  disableAdapters,
  injectLora,
  type LoraConfig,
  loraLayers,
  setActiveAdapters,
} from '../../src/lora/index.ts';
import { createDigitsNet } from '../../src/models/index.ts';
import { type Check, verify } from '../../src/verification/index.ts';
import { disturbAdapters } from '../helpers/disturb.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { torchModels } from '../helpers/torch-models.ts';

useDevice();

const SMALL = { inputSize: 12, classes: 3, seed: 3 };

async function checksOf(base: tf.LayersModel, model: tf.LayersModel, baseHash = contentHash(base)) {
  const shape = base.inputs[0]!.shape.slice(1) as number[];
  const inputs = [tf.randomUniform([20, ...shape], 0, 9, 'float32', 1)];
  const checks: Check[] = [];
  for await (const check of verify({ base, model, inputs, baseHash })) checks.push(check);
  return checks;
}

function outcomes(checks: readonly Check[]) {
  return Object.fromEntries(checks.map(({ name, outcome }) => [name, outcome]));
}

/** Layers that PyTorch has as well. */
function recurrentModel(): tf.LayersModel {
  const lstm = tf.layers.lstm({ name: 'lstm', units: 3, recurrentActivation: 'sigmoid' });
  const both = tf.layers.bidirectional({ name: 'both', layer: lstm as tf.RNN, mergeMode: 'concat' });
  const input = tf.input({ shape: [4, 2] });
  const output = tf.layers.dense({ name: 'out', units: 2 }).apply(both.apply(input));
  return tf.model({ inputs: input, outputs: output as tf.SymbolicTensor });
}

const CASES: readonly (readonly [string, () => tf.LayersModel, LoraConfig])[] = [
  ['LoRA', () => createDigitsNet(SMALL), { rank: 2, alpha: 5 }],
  [
    'rsLoRA with patterns',
    () => createDigitsNet(SMALL),
    { rank: 3, alpha: 2, rslora: true, alphaPattern: { linear2: 9 } },
  ],
  ['DoRA', () => createDigitsNet(SMALL), { rank: 2, alpha: 5, dora: true }],
  ['PiSSA with rsLoRA', () => createDigitsNet(SMALL), { rank: 2, alpha: 5, init: 'pissa', rslora: true }],
  ['trained biases', () => createDigitsNet(SMALL), { rank: 2, alpha: 5, bias: 'lora-only' }],
  [
    'a fully trained layer',
    () => createDigitsNet(SMALL),
    { rank: 2, targets: ['linear1'], modulesToSave: ['linear3'] },
  ],
  ['embeddings and convolutions', torchModels.text, { rank: 2, alpha: 5 }],
  ['recurrent kernels', recurrentModel, { rank: 2, alpha: 5, alphaPattern: { both: 3 } }],
  ['one recurrent kernel', recurrentModel, { rank: 2, alpha: 5, targetWeights: ['forward_lstm.kernel'] }],
];

test.each(CASES)('passes all checks for %s', async (_, make, config) => {
  const base = make();
  const model = injectLora(base, config);
  disturbAdapters(model);
  const checks = await checksOf(base, model);
  expect(outcomes(checks)).toEqual({
    content: 'passed',
    'base-reload': 'passed',
    'strength-zero': 'passed',
    disabled: 'passed',
    'base-unchanged': 'passed',
    merged: 'passed',
    'merged-reload': 'passed',
    'adapter-reload': 'passed',
    'peft-round-trip': 'passed',
  });
  const exactDifferences = checks.filter(({ allowed }) => allowed === 0).map(({ difference }) => difference);
  expect(exactDifferences).toEqual([0, 0, 0, 0, 0]);
});

test('skips the PEFT check of an adapter that PEFT cannot represent, and says why', async () => {
  const base = createDigitsNet(SMALL);
  const model = injectLora(base, { rank: 2, method: 'weight-view', init: 'normal' });
  disturbAdapters(model);
  const checks = await checksOf(base, model);
  expect(outcomes(checks)).toMatchObject({ merged: 'passed', 'peft-round-trip': 'skipped' });
  expect(checks.at(-1)!.detail).toMatch(/method 'weight-view'$/);
});

test('checks each adapter of a model separately', async () => {
  const base = createDigitsNet(SMALL);
  const model = injectLora(base, { rank: 2, alpha: 5 });
  addAdapter(model, 'sevens', { rank: 3, alpha: 4 });
  disturbAdapters(model);
  setActiveAdapters(model, ['sevens']);
  disturbAdapters(model);
  const checks = await checksOf(base, model);
  expect(checks.filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
  expect(checks.filter(({ name }) => name === 'peft-round-trip').length).toBe(2);
});

test('passes all checks while adapters are disabled', async () => {
  const base = createDigitsNet(SMALL);
  const model = injectLora(base, { rank: 2 });
  disturbAdapters(model);
  disableAdapters(model);
  expect((await checksOf(base, model)).filter(({ outcome }) => outcome !== 'passed')).toEqual([]);
});

test('checks only the content hash and the files of a model without adapters', async () => {
  const base = createDigitsNet(SMALL);
  expect(outcomes(await checksOf(base, base))).toEqual({ content: 'passed', 'base-reload': 'passed' });
});

describe('verify fails for', () => {
  /** Names of the checks that fail after `change`. */
  async function failedChecks(change: (model: tf.LayersModel, base: tf.LayersModel) => void) {
    const base = createDigitsNet(SMALL);
    const model = injectLora(base, { rank: 2, alpha: 5 });
    disturbAdapters(model);
    const hash = contentHash(base);
    change(model, base);
    return Object.entries(outcomes(await checksOf(base, model, hash)))
      .filter(([, outcome]) => outcome === 'failed')
      .map(([name]) => name);
  }

  test('a base that was changed inside its adapted model', async () => {
    const failed = await failedChecks((model) => {
      const bias = loraLayers(model)[1]!.layer.baseWeights.get('bias')!.read() as tf.Variable;
      bias.assign(tf.add(bias, 1e-3));
    });
    expect(failed).toEqual(expect.arrayContaining(['strength-zero', 'disabled', 'base-unchanged']));
  });

  test('a base with another content hash than recorded', async () => {
    const failed = await failedChecks((_, base) => {
      const bias = base.getLayer('linear3').weights[1]!.read() as tf.Variable;
      bias.assign(tf.add(bias, 1e-3));
    });
    expect(failed).toContain('content');
  });

  test('an adapter whose merged update differs from the one it applies', async () => {
    const failed = await failedChecks((model) => {
      const { layer } = loraLayers(model)[0]!;
      const effective = layer.mergedWeight.bind(layer);
      Object.assign(layer, { mergedWeight: (name: string) => tf.tidy(() => effective(name).mul(1.01)) });
    });
    expect(failed).toEqual(['merged']);
  });
});

test('disposes its tensors and leaves the model unchanged', async () => {
  const base = createDigitsNet(SMALL);
  const model = injectLora(base, { rank: 2, alpha: 5, dora: true });
  disturbAdapters(model);
  const inputs = [tf.randomNormal([4, 12], 0, 1, 'float32', 1)];
  const before = (model.predict(inputs[0]!) as tf.Tensor).dataSync();
  const tensors = tf.memory().numTensors;
  for await (const { outcome } of verify({ base, model, inputs, baseHash: contentHash(base) })) {
    expect(outcome).toBe('passed');
  }
  expect(tf.memory().numTensors).toBe(tensors);
  expect((model.predict(inputs[0]!) as tf.Tensor).dataSync()).toEqual(before);
});

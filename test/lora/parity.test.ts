import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { evaluate } from '../../src/evaluation/evaluate.ts';
import { perClass } from '../../src/evaluation/per-class.ts';
import { injectLora, type LoraConfig, loraLayers } from '../../src/lora/index.ts';
import { loadMnist, type Mnist } from '../../src/mnist-data-loader/index.ts';
import { mnistNormalization as normalization } from '../../src/models/index.ts';
import { EagerEngine } from '../../src/training/engines/eager.ts';
import { classificationTask, trainToEnd } from '../../src/training/index.ts';
import { largestDifference, type ParityFixture, type Phase, parityFixture } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

let fixture: ParityFixture;
let mnist: Mnist;

beforeAll(async () => {
  fixture = await parityFixture();
  mnist = await loadMnist();
});

interface Form {
  readonly phase: Phase;
  readonly config: LoraConfig;
  /** A of a layer as the fixture has it, in tfjs' layout. */
  startOf(layer: string): tf.Tensor;
}

const forms: Form[] = [
  {
    phase: 'method1',
    config: { rank: 2, alpha: 1, method: 'weight-view' },
    startOf: (layer) => fixture.tensor(`method1.${layer}.A`),
  },
  {
    phase: 'method2',
    config: { rank: 2, alpha: 1, bias: 'all' },
    startOf: (layer) => fixture.tensor(`method2.${layer}.A`),
  },
  {
    phase: 'method2',
    config: { rank: 2, alpha: 1, bias: 'lora-only', method: 'weight' },
    startOf: (layer) => fixture.tensor(`method2.${layer}.A`),
  },
  {
    phase: 'peft',
    config: { rank: 2, alpha: 4 },
    startOf: (layer) => fixture.tensor(`peft.${layer}.lora_A`).transpose(),
  },
  {
    phase: 'peft',
    config: { rank: 2, alpha: 4, method: 'weight' },
    startOf: (layer) => fixture.tensor(`peft.${layer}.lora_A`).transpose(),
  },
];

test.each(forms)('100 steps of $phase as $config have the losses that PyTorch computes', async (form) => {
  const { losses: expected, wrong, trainable } = fixture.expected[form.phase];
  const base = fixture.model('trained');
  const model = injectLora(base, form.config);
  for (const { path, layer } of loraLayers(model)) {
    const { a, b } = layer.adapters.get('default')!;
    tf.tidy(() => (a!.read() as tf.Variable).assign(form.startOf(path)));
    expect(
      b!
        .read()
        .dataSync()
        .every((value) => value === 0),
    ).toBe(true);
  }
  expect(model.trainableWeights.reduce((sum, weight) => sum + weight.read().size, 0)).toBe(trainable);
  const task = classificationTask({
    model,
    dataset: mnist.train,
    normalization,
    batchSize: 10,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
    seed: 0,
  });
  const losses: number[] = [];
  const engine = new EagerEngine(task);
  await trainToEnd({ task, engine, order: fixture.order('fine_order'), steps: 100 }, (progress) => {
    losses.push(...progress.losses);
  });
  expect(largestDifference(losses, expected)).toBeLessThan(2e-5);
  const errors = perClass(evaluate(model, mnist.test, { normalization })).map((score) => score.errors);
  expect(largestDifference(errors, wrong)).toBeLessThanOrEqual(2);
});

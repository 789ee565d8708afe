import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { injectLora, type LoraConfig, loraLayers, loraSummary } from '../../src/lora/index.ts';
import { wrongCounts } from '../helpers/mnist.ts';
import {
  largestDifference,
  type ParityFixture,
  type Phase,
  parityFixture,
  parityLosses,
} from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { onlyUpdate } from './models.ts';

useDevice();

let fixture: ParityFixture;

beforeAll(async () => {
  fixture = await parityFixture();
});

interface Form {
  readonly phase: Phase;
  readonly config: LoraConfig;
  /** The initial A of a layer in the fixture, in tfjs' layout. */
  initialA(layer: string): tf.Tensor;
}

const forms: Form[] = [
  {
    phase: 'method1',
    config: { rank: 2, alpha: 1, method: 'weight-view' },
    initialA: (layer) => fixture.tensor(`method1.${layer}.A`),
  },
  {
    phase: 'method2',
    config: { rank: 2, alpha: 1, bias: 'all' },
    initialA: (layer) => fixture.tensor(`method2.${layer}.A`),
  },
  {
    phase: 'method2',
    config: { rank: 2, alpha: 1, bias: 'lora-only', method: 'weight' },
    initialA: (layer) => fixture.tensor(`method2.${layer}.A`),
  },
  {
    phase: 'peft',
    config: { rank: 2, alpha: 4 },
    initialA: (layer) => fixture.tensor(`peft.${layer}.lora_A`).transpose(),
  },
  {
    phase: 'peft',
    config: { rank: 2, alpha: 4, method: 'weight' },
    initialA: (layer) => fixture.tensor(`peft.${layer}.lora_A`).transpose(),
  },
];

const cases = forms.flatMap((form) =>
  (['eager', 'graph', 'xla'] as const).map((kind) => ({ ...form, kind })),
);

test.each(cases)(
  '$phase with $config on engine $kind has the losses and error counts of PyTorch',
  async (form) => {
    const { losses: expected, wrong, trainable } = fixture.expected[form.phase];
    const model = injectLora(fixture.model('trained'), form.config);
    for (const { path, layer } of loraLayers(model)) {
      const { a, b } = onlyUpdate(layer);
      tf.tidy(() => (a.read() as tf.Variable).assign(form.initialA(path)));
      expect(new Set(b.read().dataSync())).toEqual(new Set([0]));
    }
    expect(loraSummary(model).trainableParameters).toBe(trainable);
    const losses = await parityLosses(form.kind, model, fixture.sampler('fine_order'), 100);
    // Rounding of sums in another order, which grows over 100 steps and may turn over one or two of 10,000 images.
    expect(largestDifference(losses, expected)).toBeLessThan(2e-5);
    expect(largestDifference(await wrongCounts(model), wrong)).toBeLessThanOrEqual(2);
  },
  // The eager engine is slow on a busy machine.
  120_000,
);

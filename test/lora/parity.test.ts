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

useDevice();

let fixture: ParityFixture;

beforeAll(async () => {
  fixture = await parityFixture();
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

const cases = forms.flatMap((form) =>
  (['eager', 'graph', 'xla'] as const).map((kind) => ({ ...form, kind })),
);

test.each(cases)(
  '$phase as $config on engine $kind: the losses and errors that PyTorch computes',
  async (one) => {
    const { losses: expected, wrong, trainable } = fixture.expected[one.phase];
    const model = injectLora(fixture.model('trained'), one.config);
    for (const { path, layer } of loraLayers(model)) {
      const { a, b } = layer.adapters.get('default')!;
      tf.tidy(() => (a!.read() as tf.Variable).assign(one.startOf(path)));
      expect(
        b!
          .read()
          .dataSync()
          .every((value) => value === 0),
      ).toBe(true);
    }
    expect(loraSummary(model).trainableParameters).toBe(trainable);
    const losses = await parityLosses(one.kind, model, fixture.order('fine_order'), 100);
    expect(largestDifference(losses, expected)).toBeLessThan(2e-5);
    expect(largestDifference(await wrongCounts(model), wrong)).toBeLessThanOrEqual(2);
  },
);

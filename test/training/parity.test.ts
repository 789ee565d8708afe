import { expect, test } from 'vitest';
import { wrongCounts } from '../helpers/mnist.ts';
import { largestDifference, parityFixture, parityLosses } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test.each(['eager', 'graph', 'xla'] as const)(
  'the engine %s pretrains DigitsNet with the losses and errors of PyTorch for 300 steps',
  async (kind) => {
    const fixture = await parityFixture();
    const { losses: expected, wrong } = fixture.expected.pretrain;
    const model = fixture.model('init');
    const losses = await parityLosses(kind, model, fixture.sampler('order'), 300);
    // Rounding differences of float32 grow from step to step: below 1e-5 here. They may change the class of an image
    // whose two largest logits are almost equal.
    expect(largestDifference(losses, expected)).toBeLessThan(2e-5);
    expect(largestDifference(await wrongCounts(model), wrong)).toBeLessThanOrEqual(2);
  },
);

import { expect, test } from 'vitest';
import { wrongCounts } from '../helpers/mnist.ts';
import { largestDifference, parityFixture, parityLosses } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

test.each(['eager', 'graph', 'xla'] as const)(
  '300 steps of pretraining on engine %s have the losses that PyTorch computes, and its errors per digit',
  async (kind) => {
    const fixture = await parityFixture();
    const { losses: expected, wrong } = fixture.expected.pretrain;
    const model = fixture.model('init');
    const losses = await parityLosses(kind, model, fixture.order('order'), 300);
    expect(largestDifference(losses, expected)).toBeLessThan(2e-5);
    expect(largestDifference(await wrongCounts(model), wrong)).toBeLessThanOrEqual(2);
  },
);

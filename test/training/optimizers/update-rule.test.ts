import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { EagerEngine } from '../../../src/training/engines/eager.ts';
import type { OptimizerConfig } from '../../../src/training/index.ts';
import { checkOptimizer, learningRateAt } from '../../../src/training/optimizers/index.ts';
import { optimizerCases, taskOfGradients, weightsOf } from '../../helpers/optimizers.ts';
import { largestDifference } from '../../helpers/parity.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

describe.for(optimizerCases)('$name', ({ config, after }) => {
  test('moves the weights as torch.optim does', () => {
    const task = taskOfGradients(config);
    const engine = new EagerEngine(task);
    let done = 0;
    for (const [step, expected] of Object.entries(after)) {
      engine.run(Int32Array.from({ length: Number(step) - done }, (_, index) => done + index));
      done = Number(step);
      expect(largestDifference(weightsOf(task), expected)).toBeLessThan(1e-6);
    }
    engine.dispose();
    task.model.dispose();
  });
});

test('a cosine schedule stays at its minimum after its last step', () => {
  const config: OptimizerConfig = {
    rule: { kind: 'sgd' },
    learningRate: 1,
    schedule: { kind: 'cosine', totalSteps: 10, minimum: 0.1 },
  };
  expect([10, 11, 100].map((step) => learningRateAt(config, step))).toEqual([0.1, 0.1, 0.1]);
});

test.for<[string, Partial<OptimizerConfig>, string]>([
  ['a learning rate of 0', { learningRate: 0 }, 'learningRate is 0; it has to be above 0'],
  ['a learning rate that is no number', { learningRate: Number.NaN }, 'learningRate is NaN'],
  [
    'a beta of 1',
    { rule: { kind: 'adam', beta1: 1 } },
    'adam: beta1 is 1; it has to be at least 0 and below 1',
  ],
  ['negative decay', { rule: { kind: 'adamw', weightDecay: -1 } }, 'adamw: weightDecay is -1'],
  [
    'Nesterov without momentum',
    { rule: { kind: 'sgd', nesterov: true } },
    'nesterov needs a momentum above 0',
  ],
  [
    'an unknown rule',
    { rule: { kind: 'adamax' as 'adam' } },
    "unknown optimizer 'adamax'; choose from adam, adamw",
  ],
  ['an unknown schedule', { schedule: { kind: 'linear' as 'constant' } }, "unknown schedule 'linear'"],
  [
    'half a step',
    { schedule: { kind: 'cosine', totalSteps: 1.5 } },
    'totalSteps is 1.5; it has to be a whole number',
  ],
  ['a norm of 0', { clipNorm: 0 }, 'clipNorm is 0; it has to be above 0'],
])('%s is refused in one line', ([, change, message]) => {
  const check = () => checkOptimizer({ rule: { kind: 'adam' }, learningRate: 1e-3, ...change });
  expect(check).toThrow(UsageError);
  expect(check).toThrow(message);
});

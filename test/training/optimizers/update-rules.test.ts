import { expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { learningRateAt, type OptimizerConfig } from '../../../src/training/index.ts';
import { engineOf } from '../../helpers/engines.ts';
import { differenceFromTorch, gradientTask, optimizerCases } from '../../helpers/optimizers.ts';
import { smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

test.for(optimizerCases)('$name updates weights like torch.optim', (optimizerCase) => {
  const task = gradientTask(optimizerCase.config);
  const engine = engineOf('eager', task);
  // The weights are of the order of 1, so this is rounding of float32 over the steps of the fixture.
  expect(differenceFromTorch(engine, task, optimizerCase)).toBeLessThan(1e-6);
  engine.dispose();
  task.model.dispose();
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
  ['a learning rate of 0', { learningRate: 0 }, 'learningRate is 0; it must be above 0'],
  ['a learning rate of NaN', { learningRate: Number.NaN }, 'learningRate is NaN'],
  [
    'a beta of 1',
    { rule: { kind: 'adam', beta1: 1 } },
    'adam: beta1 is 1; it must be at least 0 and below 1',
  ],
  ['a negative weight decay', { rule: { kind: 'adamw', weightDecay: -1 } }, 'adamw: weightDecay is -1'],
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
    'a fractional number of steps',
    { schedule: { kind: 'cosine', totalSteps: 1.5 } },
    'totalSteps is 1.5; it must be a whole number',
  ],
  ['a clipping norm of 0', { clipNorm: 0 }, 'clipNorm is 0; it must be above 0'],
])('rejects %s', ([, change, message]) => {
  const create = () => smallTask({ optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3, ...change } });
  expect(create).toThrow(UsageError);
  expect(create).toThrow(message);
});

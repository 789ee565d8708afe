import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora } from '../../../src/lora/index.ts';
import type { OptimizerConfig } from '../../../src/training/index.ts';
import { engineOf, largestRelativeDifference, lossesOf, rowsOf } from '../../helpers/engines.ts';
import { layerKinds, randomLayers } from '../../helpers/layer-kinds.ts';
import { optimizerCases, taskOfGradients, weightsOf } from '../../helpers/optimizers.ts';
import { largestDifference } from '../../helpers/parity.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

const adapted = () => injectLora(smallNet(), { rank: 2, alpha: 3, dropout: 0.2, bias: 'all' });

test.for([
  ...Object.entries(layerKinds),
  ...Object.entries(randomLayers),
  ['LoRA with dropout', adapted] as const,
])('a net with %s trains alike on all engines for 300 steps', ([name, model]) => {
  // An embedding takes the bytes as they are.
  const normalization = name === 'embedding' ? { mean: 0, std: 1 / 255 } : undefined;
  const task = () => smallTask({ model: model(), ...(normalization && { normalization }) });
  const expected = lossesOf('eager', task(), 300);
  for (const kind of ['graph', 'xla'] as const) {
    expect(largestRelativeDifference(lossesOf(kind, task(), 300), expected)).toBeLessThan(1e-5);
  }
});

const optimizers: OptimizerConfig['rule'][] = [
  { kind: 'adam' },
  { kind: 'adamw' },
  { kind: 'sgd' },
  { kind: 'sgd', momentum: 0.9, nesterov: true },
  { kind: 'rmsprop', momentum: 0.5, centered: true },
  { kind: 'adagrad' },
];

test.for(optimizers)('%o trains alike on all engines for 300 steps', (rule) => {
  const optimizer: OptimizerConfig = {
    rule,
    learningRate: 3e-3,
    clipNorm: 1,
    schedule: { kind: 'cosine', totalSteps: 300, warmup: 20 },
  };
  const task = () => smallTask({ optimizer, classWeights: [1, 2, 0.5] });
  const expected = lossesOf('eager', task(), 300);
  for (const kind of ['graph', 'xla'] as const) {
    expect(largestRelativeDifference(lossesOf(kind, task(), 300), expected)).toBeLessThan(1e-5);
  }
});

test.for(optimizerCases.map(({ name }, index) => [name, index] as const))(
  '%s takes the steps of torch.optim under XLA',
  ([, index]) => {
    const { config, after } = optimizerCases[index]!;
    const task = taskOfGradients(config);
    const engine = engineOf('xla', task);
    let done = 0;
    for (const [step, expected] of Object.entries(after)) {
      engine.run(Int32Array.from({ length: Number(step) - done }, (_, row) => done + row));
      done = Number(step);
      engine.syncModel();
      expect(largestDifference(weightsOf(task), expected)).toBeLessThan(1e-6);
    }
    engine.dispose();
  },
);

const moving = () =>
  smallTask({
    model: smallNet({ layers: [tf.layers.batchNormalization({ name: 'norm', momentum: 0.5 })] }),
    optimizer: { rule: { kind: 'adamw', weightDecay: 0.1 }, learningRate: 1e-2, clipNorm: 1 },
  });

test('four steps in one turn agree with single ones, wherever a call begins and ends', () => {
  const expected = lossesOf('xla', moving(), 20);
  const engine = engineOf('xla by fours', moving());
  const losses: number[] = [];
  for (const count of [7, 2, 1, 10]) losses.push(...engine.run(rowsOf(moving(), count, losses.length)));
  expect(largestRelativeDifference(losses, expected)).toBeLessThan(1e-5);
  engine.dispose();
});

test('four steps in one turn give the same bits in parts of multiples of four, also from a state', () => {
  const whole = engineOf('xla by fours', moving());
  const expected = whole.run(rowsOf(moving(), 24));
  let engine = engineOf('xla by fours', moving());
  const losses = [...engine.run(rowsOf(moving(), 4)), ...engine.run(rowsOf(moving(), 12, 4))];
  const state = engine.state();
  engine.dispose();
  engine = engineOf('xla by fours', moving());
  engine.restore(state);
  losses.push(...engine.run(rowsOf(moving(), 8, 16)));
  expect(losses).toEqual([...expected]);
  expect(engine.state()).toEqual(whole.state());
  for (const each of [engine, whole]) each.dispose();
});

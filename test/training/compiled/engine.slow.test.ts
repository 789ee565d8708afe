import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora } from '../../../src/lora/index.ts';
import type { OptimizerConfig } from '../../../src/training/index.ts';
import { engineOf, largestRelativeDifference, lossesOf, rowsOf } from '../../helpers/engines.ts';
import { layerKinds, randomLayers } from '../../helpers/layer-kinds.ts';
import { differenceFromTorch, gradientTask, optimizerCases } from '../../helpers/optimizers.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

/** float32 rounding over 300 steps; the largest relative difference seen is 8e-7. */
const ROUNDING = 1e-5;

const adapted = () => injectLora(smallNet(), { rank: 2, alpha: 3, dropout: 0.2, bias: 'all' });

test.for([
  ...Object.entries(layerKinds),
  ...Object.entries(randomLayers),
  ['LoRA with dropout', adapted] as const,
])('a net with %s trains alike on all engines for 300 steps', ([name, model]) => {
  // An embedding takes bytes as indices, without normalization.
  const normalization = name === 'embedding' ? { mean: 0, std: 1 / 255 } : undefined;
  const task = () => smallTask({ model: model(), ...(normalization && { normalization }) });
  const eager = lossesOf('eager', task(), 300);
  for (const kind of ['graph', 'xla'] as const) {
    expect(largestRelativeDifference(lossesOf(kind, task(), 300), eager)).toBeLessThan(ROUNDING);
  }
});

const rules: OptimizerConfig['rule'][] = [
  { kind: 'adam' },
  { kind: 'adamw' },
  { kind: 'sgd' },
  { kind: 'sgd', momentum: 0.9, nesterov: true },
  { kind: 'rmsprop', momentum: 0.5, centered: true },
  { kind: 'adagrad' },
];

test.for(rules)('%o trains alike on all engines for 300 steps', (rule) => {
  const optimizer: OptimizerConfig = {
    rule,
    learningRate: 3e-3,
    clipNorm: 1,
    schedule: { kind: 'cosine', totalSteps: 300, warmup: 20 },
  };
  const task = () => smallTask({ optimizer, classWeights: [1, 2, 0.5] });
  const eager = lossesOf('eager', task(), 300);
  for (const kind of ['graph', 'xla'] as const) {
    expect(largestRelativeDifference(lossesOf(kind, task(), 300), eager)).toBeLessThan(ROUNDING);
  }
});

test.for(optimizerCases)('$name under XLA updates weights like torch.optim', (optimizerCase) => {
  const task = gradientTask(optimizerCase.config);
  const engine = engineOf('xla', task);
  expect(differenceFromTorch(engine, task, optimizerCase)).toBeLessThan(1e-6);
  engine.dispose();
});

const changingTask = () =>
  smallTask({
    model: smallNet({ layers: [tf.layers.batchNormalization({ name: 'norm', momentum: 0.5 })] }),
    optimizer: { rule: { kind: 'adamw', weightDecay: 0.1 }, learningRate: 1e-2, clipNorm: 1 },
  });

test('four unrolled steps agree with single steps, wherever a call starts and ends', () => {
  const expected = lossesOf('xla', changingTask(), 20);
  const engine = engineOf('unrolled xla', changingTask());
  const losses: number[] = [];
  for (const count of [7, 2, 1, 10]) losses.push(...engine.run(rowsOf(changingTask(), count, losses.length)));
  expect(largestRelativeDifference(losses, expected)).toBeLessThan(ROUNDING);
  engine.dispose();
});

test('four unrolled steps give the same bits in calls of multiples of four, also from a state', () => {
  const whole = engineOf('unrolled xla', changingTask());
  const expected = whole.run(rowsOf(changingTask(), 24));
  let engine = engineOf('unrolled xla', changingTask());
  const losses = [...engine.run(rowsOf(changingTask(), 4)), ...engine.run(rowsOf(changingTask(), 12, 4))];
  const state = engine.state();
  engine.dispose();
  engine = engineOf('unrolled xla', changingTask());
  engine.restore(state);
  losses.push(...engine.run(rowsOf(changingTask(), 8, 16)));
  expect(losses).toEqual([...expected]);
  expect(engine.state()).toEqual(whole.state());
  for (const each of [engine, whole]) each.dispose();
});

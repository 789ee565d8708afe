import type { OptimizerConfig, OptimizerRule } from '../../training/optimizer-config.ts';
import type { TrainingOptions } from './training.ts';

const RULES: Readonly<Record<TrainingOptions['optimizer'], OptimizerRule>> = {
  adam: { kind: 'adam' },
  adamw: { kind: 'adamw' },
  sgd: { kind: 'sgd' },
  momentum: { kind: 'sgd', momentum: 0.9 },
  nesterov: { kind: 'sgd', momentum: 0.9, nesterov: true },
  rmsprop: { kind: 'rmsprop' },
  adagrad: { kind: 'adagrad' },
};

/** The optimizer that the options ask for, for a training of `steps` steps. */
export function optimizerFrom(
  { optimizer, lr, schedule, warmup, clipNorm }: TrainingOptions,
  steps: number,
): OptimizerConfig {
  return {
    rule: RULES[optimizer],
    learningRate: lr,
    schedule:
      schedule === 'cosine' ? { kind: 'cosine', totalSteps: steps, warmup } : { kind: 'constant', warmup },
    clipNorm,
  };
}

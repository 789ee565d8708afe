import { UsageError } from '../../errors.ts';
import type { OptimizerConfig, OptimizerRule, Schedule } from '../../training/index.ts';
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

/**
 * The optimizer that the options ask for, for a training of `steps` steps.
 *
 * @throws UsageError when the warm-up takes all of them
 */
export function optimizerFrom(options: TrainingOptions, steps: number): OptimizerConfig {
  const { optimizer, lr, clipNorm, warmup } = options;
  if (warmup >= steps) {
    throw new UsageError(
      'invalid-argument',
      `--warmup ${warmup}: the training has ${steps} steps; leave some to train`,
    );
  }
  return {
    rule: RULES[optimizer],
    learningRate: lr,
    schedule: scheduleFrom(options, steps),
    clipNorm,
  };
}

function scheduleFrom({ schedule, warmup, lrEvery, lrFactor }: TrainingOptions, steps: number): Schedule {
  switch (schedule) {
    case 'constant':
      return { kind: 'constant', warmup };
    case 'cosine':
      return { kind: 'cosine', totalSteps: steps, warmup };
    case 'step':
      return { kind: 'step', every: lrEvery, factor: lrFactor, warmup };
  }
}

import type { OptimizerConfig } from './config.ts';

/**
 * Returns the learning rate of a step; the first step is 0. During a warm-up of n steps it is (step + 1) / n of the
 * full rate. After that, `cosine` falls to its minimum at step `totalSteps`, counted from the first step, and stays
 * there (Loshchilov & Hutter 2016, arXiv:1608.03983, without restarts). `step` multiplies the rate by `factor` every
 * `every` steps.
 *
 * @example
 * const schedule = { kind: 'cosine', totalSteps: 1000, warmup: 100 };
 * learningRateAt({ rule: { kind: 'adam' }, learningRate: 1e-3, schedule }, 49); // 5e-4
 */
export function learningRateAt({ learningRate, schedule }: OptimizerConfig, step: number): number {
  const warmup = schedule?.warmup ?? 0;
  if (step < warmup) return (learningRate * (step + 1)) / warmup;
  if (schedule === undefined || schedule.kind === 'constant') return learningRate;
  const elapsed = step - warmup;
  if (schedule.kind === 'step') return learningRate * schedule.factor ** Math.floor(elapsed / schedule.every);
  const minimum = schedule.minimum ?? 0;
  const progress = Math.min(1, elapsed / Math.max(1, schedule.totalSteps - warmup));
  return minimum + ((learningRate - minimum) * (1 + Math.cos(Math.PI * progress))) / 2;
}

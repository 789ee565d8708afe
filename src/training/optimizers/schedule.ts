import type { OptimizerConfig } from '../optimizer-config.ts';

/**
 * The learning rate of a step, 0 for the first. During a warm-up of n steps it is (step + 1) / n of the full
 * one. `cosine` then falls to its minimum at `totalSteps`, warm-up included, and stays there; `step` multiplies
 * by `factor` every `every` steps after the warm-up.
 */
export function learningRateAt({ learningRate, schedule }: OptimizerConfig, step: number): number {
  const warmup = schedule?.warmup ?? 0;
  if (step < warmup) return (learningRate * (step + 1)) / warmup;
  if (schedule === undefined || schedule.kind === 'constant') return learningRate;
  const passed = step - warmup;
  if (schedule.kind === 'step') return learningRate * schedule.factor ** Math.floor(passed / schedule.every);
  const minimum = schedule.minimum ?? 0;
  const share = Math.min(1, passed / Math.max(1, schedule.totalSteps - warmup));
  return minimum + ((learningRate - minimum) * (1 + Math.cos(Math.PI * share))) / 2;
}

import type * as tf from '@tensorflow/tfjs';
import type { OptimizerConfig, OptimizerRule } from '../optimizer-config.ts';
import { adagrad } from './adagrad.ts';
import { adam } from './adam.ts';
import { checkOptimizer } from './check.ts';
import { rmsprop } from './rmsprop.ts';
import { learningRateAt } from './schedule.ts';
import { sgd } from './sgd.ts';

/** An array that an optimizer keeps for each weight, of the weight's shape. */
export interface Slot {
  readonly name: string;
  readonly initial: number;
}

/** How one weight moves in one step. Written in plain ops of tensors, so that it runs eagerly and can be recorded. */
export interface UpdateRule {
  readonly slots: readonly Slot[];
  /** Names of the numbers that change from step to step. */
  readonly scalarNames: readonly string[];
  /** Their values at a step (0 for the first), computed in double precision as PyTorch does. */
  scalarsAt(step: number): readonly number[];
  /** @returns the new weight, then the new slots */
  update(weight: tf.Tensor, gradient: tf.Tensor, slots: tf.Tensor[], scalars: tf.Scalar[]): tf.Tensor[];
}

/** A rule that is told the learning rate of the step. */
export interface RuleOfRate extends Omit<UpdateRule, 'scalarsAt'> {
  scalarsAt(step: number, learningRate: number): readonly number[];
}

/**
 * The rule of an optimizer with its schedule. Clipping is apart: it takes all gradients (`clipByGlobalNorm`).
 *
 * @throws UsageError when a number is out of range
 */
export function updateRule(config: OptimizerConfig): UpdateRule {
  checkOptimizer(config);
  const rule = ruleOfRate(config.rule);
  return { ...rule, scalarsAt: (step) => rule.scalarsAt(step, learningRateAt(config, step)) };
}

function ruleOfRate(rule: OptimizerRule): RuleOfRate {
  switch (rule.kind) {
    case 'adam':
    case 'adamw':
      return adam(rule);
    case 'sgd':
      return sgd(rule);
    case 'rmsprop':
      return rmsprop(rule);
    case 'adagrad':
      return adagrad(rule);
  }
}

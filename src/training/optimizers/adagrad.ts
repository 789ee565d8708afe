import * as tf from '@tensorflow/tfjs';
import type { OptimizerRule } from '../optimizer-config.ts';
import type { RuleOfRate } from './update-rule.ts';

/** Adagrad (Duchi et al. 2011) as `torch.optim.Adagrad` has it, whose accumulator starts at 0 (tfjs: 0.1). */
export function adagrad(rule: Extract<OptimizerRule, { kind: 'adagrad' }>): RuleOfRate {
  const { epsilon = 1e-10, initialAccumulator = 0 } = rule;
  return {
    slots: [{ name: 'sum', initial: initialAccumulator }],
    scalarNames: ['learningRate'],
    scalarsAt: (_, learningRate) => [learningRate],
    update(weight, gradient, [sum], [learningRate]) {
      const next = tf.add(sum!, tf.square(gradient));
      const direction = tf.div(gradient, tf.add(tf.sqrt(next), epsilon));
      return [tf.sub(weight, tf.mul(direction, learningRate!)), next];
    },
  };
}

import * as tf from '@tensorflow/tfjs';
import type { OptimizerRule } from '../optimizer-config.ts';
import type { RuleOfRate } from './update-rule.ts';

/**
 * RMSProp as `torch.optim.RMSprop` has it: epsilon is added to the root (tfjs adds it under the root), and the
 * learning rate is outside the momentum. Slots: `square`, then `mean` if centered, then `momentum` if there is one.
 */
export function rmsprop(rule: Extract<OptimizerRule, { kind: 'rmsprop' }>): RuleOfRate {
  const { decay = 0.99, epsilon = 1e-8, momentum = 0, centered = false } = rule;
  const names = ['square', ...(centered ? ['mean'] : []), ...(momentum > 0 ? ['momentum'] : [])];
  return {
    slots: names.map((name) => ({ name, initial: 0 })),
    scalarNames: ['learningRate'],
    scalarsAt: (_, learningRate) => [learningRate],
    update(weight, gradient, slots, [learningRate]) {
      const square = tf.add(tf.mul(slots[0]!, decay), tf.mul(tf.square(gradient), 1 - decay));
      const next = [square];
      let variance = square;
      if (centered) {
        const mean = tf.add(slots[1]!, tf.mul(tf.sub(gradient, slots[1]!), 1 - decay));
        variance = tf.sub(square, tf.square(mean));
        next.push(mean);
      }
      let direction = tf.div(gradient, tf.add(tf.sqrt(variance), epsilon));
      if (momentum > 0) {
        direction = tf.add(tf.mul(slots.at(-1)!, momentum), direction);
        next.push(direction);
      }
      return [tf.sub(weight, tf.mul(direction, learningRate!)), ...next];
    },
  };
}

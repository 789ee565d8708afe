import * as tf from '@tensorflow/tfjs';
import type { OptimizerRule } from '../optimizer-config.ts';
import type { RuleOfRate } from './update-rule.ts';

/** Stochastic gradient descent, with momentum and Nesterov's form of it as `torch.optim.SGD` has them. */
export function sgd({ momentum = 0, nesterov = false }: Extract<OptimizerRule, { kind: 'sgd' }>): RuleOfRate {
  return {
    slots: momentum === 0 ? [] : [{ name: 'momentum', initial: 0 }],
    scalarNames: ['learningRate'],
    scalarsAt: (_, learningRate) => [learningRate],
    update(weight, gradient, [velocity], [learningRate]) {
      if (momentum === 0) return [tf.sub(weight, tf.mul(gradient, learningRate!))];
      const next = tf.add(tf.mul(velocity!, momentum), gradient);
      const direction = nesterov ? tf.add(gradient, tf.mul(next, momentum)) : next;
      return [tf.sub(weight, tf.mul(direction, learningRate!)), next];
    },
  };
}

import * as tf from '@tensorflow/tfjs';
import type { OptimizerRule } from '../optimizer-config.ts';
import type { RuleOfRate } from './update-rule.ts';

/**
 * Adam (Kingma & Ba 2014, arXiv:1412.6980) and AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101), as
 * `torch.optim` has them: epsilon is added after the bias correction, decay shrinks the weight first.
 */
export function adam(rule: Extract<OptimizerRule, { kind: 'adam' | 'adamw' }>): RuleOfRate {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = rule;
  const weightDecay = rule.kind === 'adamw' ? (rule.weightDecay ?? 0.01) : 0;
  const decays = weightDecay !== 0;
  return {
    slots: [
      { name: 'm', initial: 0 },
      { name: 'v', initial: 0 },
    ],
    scalarNames: ['stepSize', 'rootCorrection', ...(decays ? ['keep'] : [])],
    scalarsAt: (step, learningRate) => [
      learningRate / (1 - beta1 ** (step + 1)),
      1 / Math.sqrt(1 - beta2 ** (step + 1)),
      ...(decays ? [1 - learningRate * weightDecay] : []),
    ],
    update(weight, gradient, [m, v], [stepSize, rootCorrection, keep]) {
      const nextM = tf.add(m!, tf.mul(tf.sub(gradient, m!), 1 - beta1));
      const nextV = tf.add(tf.mul(v!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
      const denominator = tf.add(tf.mul(tf.sqrt(nextV), rootCorrection!), epsilon);
      const kept = keep ? tf.mul(weight, keep) : weight;
      return [tf.sub(kept, tf.mul(tf.div(nextM, denominator), stepSize!)), nextM, nextV];
    },
  };
}

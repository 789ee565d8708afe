import * as tf from '@tensorflow/tfjs';
import { type OptimizerConfig, type RuleOptions, validateOptimizer } from './config.ts';
import { learningRateAt } from './schedule.ts';

/** An array that the optimizer keeps for each weight, in the weight's shape, such as Adam's first moment. */
export interface Slot {
  readonly name: string;
  /** The value of every element before the first step. */
  readonly initial: number;
}

/**
 * How one step changes one weight. It is written in ops of tfjs, so it runs eagerly and can be recorded. Clipping is
 * done before, as it needs the gradients of all weights; see `lossAndGradients`.
 */
export interface UpdateRule {
  readonly slots: readonly Slot[];
  /** Names of the numbers that change from step to step, such as the learning rate. */
  readonly scalarNames: readonly string[];
  /**
   * Returns the values of those numbers at a step; the first step is 0. In double precision, as PyTorch computes
   * them.
   */
  scalarsAt(step: number): readonly number[];
  /**
   * Returns the new weight, followed by the new slots.
   *
   * @param weight [...shape] float32
   * @param gradient [...shape] float32
   * @param slots [...shape] float32 each, in the order of `slots`
   * @param scalars float32 scalars, in the order of `scalarNames`
   */
  update(weight: tf.Tensor, gradient: tf.Tensor, slots: tf.Tensor[], scalars: tf.Scalar[]): tf.Tensor[];
}

/** The learning rate of a step. */
type Rate = (step: number) => number;

/**
 * Returns the update rule of an optimizer, with its schedule.
 *
 * @throws UsageError if an option is out of range
 */
export function updateRule(config: OptimizerConfig): UpdateRule {
  validateOptimizer(config);
  const { rule } = config;
  const rate: Rate = (step) => learningRateAt(config, step);
  switch (rule.kind) {
    case 'adam':
    case 'adamw':
      return adam(rule, rate);
    case 'sgd':
      return sgd(rule, rate);
    case 'rmsprop':
      return rmsprop(rule, rate);
    case 'adagrad':
      return adagrad(rule, rate);
  }
}

/** Stochastic gradient descent with momentum, optionally Nesterov's, as in `torch.optim.SGD`. */
function sgd({ momentum = 0, nesterov = false }: RuleOptions<'sgd'>, rate: Rate): UpdateRule {
  return {
    slots: momentum === 0 ? [] : [{ name: 'momentum', initial: 0 }],
    scalarNames: ['learningRate'],
    scalarsAt: (step) => [rate(step)],
    update(weight, gradient, [velocity], [learningRate]) {
      if (momentum === 0) return [tf.sub(weight, tf.mul(gradient, learningRate!))];
      const nextVelocity = tf.add(tf.mul(velocity!, momentum), gradient);
      const direction = nesterov ? tf.add(gradient, tf.mul(nextVelocity, momentum)) : nextVelocity;
      return [tf.sub(weight, tf.mul(direction, learningRate!)), nextVelocity];
    },
  };
}

/**
 * Adam (Kingma & Ba 2014, arXiv:1412.6980) and AdamW (Loshchilov & Hutter 2017, arXiv:1711.05101) as in
 * `torch.optim`: epsilon is added after the bias correction, and weight decay shrinks the weight before the update.
 */
function adam(options: RuleOptions<'adam' | 'adamw'>, rate: Rate): UpdateRule {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const weightDecay = options.kind === 'adamw' ? (options.weightDecay ?? 0.01) : 0;
  const decays = weightDecay !== 0;
  return {
    slots: [
      { name: 'm', initial: 0 },
      { name: 'v', initial: 0 },
    ],
    scalarNames: ['stepSize', 'rootCorrection', ...(decays ? ['keep'] : [])],
    scalarsAt: (step) => [
      rate(step) / (1 - beta1 ** (step + 1)),
      1 / Math.sqrt(1 - beta2 ** (step + 1)),
      ...(decays ? [1 - rate(step) * weightDecay] : []),
    ],
    update(weight, gradient, [m, v], [stepSize, rootCorrection, keep]) {
      const nextM = tf.add(m!, tf.mul(tf.sub(gradient, m!), 1 - beta1));
      const nextV = tf.add(tf.mul(v!, beta2), tf.mul(tf.square(gradient), 1 - beta2));
      const denominator = tf.add(tf.mul(tf.sqrt(nextV), rootCorrection!), epsilon);
      const decayed = keep ? tf.mul(weight, keep) : weight;
      return [tf.sub(decayed, tf.mul(tf.div(nextM, denominator), stepSize!)), nextM, nextV];
    },
  };
}

/**
 * RMSProp as in `torch.optim.RMSprop`: epsilon is added to the root (tfjs adds it under the root), and the learning
 * rate is applied after the momentum. Slots: `square`, then `mean` if centered, then `momentum` if it is above 0.
 */
function rmsprop(options: RuleOptions<'rmsprop'>, rate: Rate): UpdateRule {
  const { decay = 0.99, epsilon = 1e-8, momentum = 0, centered = false } = options;
  const names = ['square', ...(centered ? ['mean'] : []), ...(momentum > 0 ? ['momentum'] : [])];
  return {
    slots: names.map((name) => ({ name, initial: 0 })),
    scalarNames: ['learningRate'],
    scalarsAt: (step) => [rate(step)],
    update(weight, gradient, slots, [learningRate]) {
      const square = tf.add(tf.mul(slots[0]!, decay), tf.mul(tf.square(gradient), 1 - decay));
      const nextSlots = [square];
      let variance = square;
      if (centered) {
        const mean = tf.add(slots[1]!, tf.mul(tf.sub(gradient, slots[1]!), 1 - decay));
        variance = tf.sub(square, tf.square(mean));
        nextSlots.push(mean);
      }
      let direction = tf.div(gradient, tf.add(tf.sqrt(variance), epsilon));
      if (momentum > 0) {
        direction = tf.add(tf.mul(slots.at(-1)!, momentum), direction);
        nextSlots.push(direction);
      }
      return [tf.sub(weight, tf.mul(direction, learningRate!)), ...nextSlots];
    },
  };
}

/** Adagrad (Duchi et al. 2011) as in `torch.optim.Adagrad`, whose accumulator starts at 0 (tfjs: 0.1). */
function adagrad(options: RuleOptions<'adagrad'>, rate: Rate): UpdateRule {
  const { epsilon = 1e-10, initialAccumulator = 0 } = options;
  return {
    slots: [{ name: 'sum', initial: initialAccumulator }],
    scalarNames: ['learningRate'],
    scalarsAt: (step) => [rate(step)],
    update(weight, gradient, [sum], [learningRate]) {
      const nextSum = tf.add(sum!, tf.square(gradient));
      const direction = tf.div(gradient, tf.add(tf.sqrt(nextSum), epsilon));
      return [tf.sub(weight, tf.mul(direction, learningRate!)), nextSum];
    },
  };
}

import type { NodeAttribute } from '../../graph/graph-builder.ts';
import type { OptimizerConfig } from '../optimizer-config.ts';
import { learningRateAt } from '../optimizers/index.ts';

/** An update rule for which TensorFlow has one op: it takes the variable, its slots in the rule's order, then `inputs`. */
export interface FusedUpdate {
  readonly op: string;
  /** Scalars by name, numbers, or `gradient`. */
  readonly inputs: readonly (string | number)[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
  readonly scalarNames: readonly string[];
  scalarsAt(step: number): readonly number[];
}

export const GRADIENT = 'gradient';

/** The op for a rule; undefined for rules that TensorFlow does not have with PyTorch's meaning. */
export function fusedUpdate(config: OptimizerConfig): FusedUpdate | undefined {
  const { rule } = config;
  const attributes = { T: { type: 'float32' }, use_locking: { bool: false } } as const;
  const byRate = {
    scalarNames: ['learningRate'],
    scalarsAt: (step: number) => [learningRateAt(config, step)],
  };
  if (rule.kind === 'sgd') {
    const { momentum = 0, nesterov = false } = rule;
    if (momentum === 0) {
      return {
        op: 'ResourceApplyGradientDescent',
        inputs: ['learningRate', GRADIENT],
        attributes,
        ...byRate,
      };
    }
    return {
      op: 'ResourceApplyMomentum',
      inputs: ['learningRate', GRADIENT, momentum],
      attributes: { ...attributes, use_nesterov: { bool: nesterov } },
      ...byRate,
    };
  }
  if (rule.kind !== 'adam') return undefined;
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = rule;
  return {
    op: 'ResourceApplyAdam',
    inputs: [0, 0, 'stepSize', beta1, beta2, 'epsilon', GRADIENT],
    attributes: { ...attributes, use_nesterov: { bool: false } },
    scalarNames: ['stepSize', 'epsilon'],
    scalarsAt: (step) => adamScalars(step, learningRateAt(config, step), beta1, beta2, epsilon),
  };
}

/**
 * Step size and epsilon that make ResourceApplyAdam, with its powers of beta at 0, take PyTorch's step. Its
 * epsilon sits outside the bias correction, and it computes 1 - beta in float32, which PyTorch does not.
 */
function adamScalars(step: number, rate: number, beta1: number, beta2: number, epsilon: number): number[] {
  const first = (1 - beta1) / (1 - Math.fround(beta1));
  const second = (1 - beta2) / (1 - Math.fround(beta2));
  const correction = Math.sqrt((1 - beta2 ** (step + 1)) / second);
  return [(rate * first * correction) / (1 - beta1 ** (step + 1)), epsilon * correction];
}

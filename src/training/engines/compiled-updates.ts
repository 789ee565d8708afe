import { UsageError } from '../../errors.ts';
import type { NodeAttribute } from '../../graph/graph-builder.ts';
import type { OptimizerConfig } from '../optimizer-config.ts';

/** An update rule for which TensorFlow has one op. */
export interface FusedUpdate {
  readonly op: string;
  readonly slots: readonly { readonly name: string; readonly initial: number }[];
  /** Inputs of the op after the variable and its slots: scalars by name, numbers, or the gradient. */
  readonly inputs: readonly (string | number)[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
  readonly scalarNames: readonly string[];
  scalarsAt(step: number): readonly number[];
}

export const gradient = 'gradient';

export function fusedUpdate({ rule, learningRate }: OptimizerConfig): FusedUpdate {
  const common = { T: { type: 'float32' }, use_locking: { bool: false } } as const;
  if (rule.kind === 'sgd') {
    return {
      op: 'ResourceApplyGradientDescent',
      slots: [],
      inputs: ['learningRate', gradient],
      attributes: common,
      scalarNames: ['learningRate'],
      scalarsAt: () => [learningRate],
    };
  }
  if (rule.kind === 'adam') {
    const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = rule;
    return {
      op: 'ResourceApplyAdam',
      slots: [
        { name: 'm', initial: 0 },
        { name: 'v', initial: 0 },
      ],
      inputs: [0, 0, 'rate', beta1, beta2, 'epsilon', gradient],
      attributes: { ...common, use_nesterov: { bool: false } },
      scalarNames: ['rate', 'epsilon'],
      scalarsAt: (step) => adamScalars(step, learningRate, beta1, beta2, epsilon),
    };
  }
  throw new UsageError(`no ${rule.kind} yet`);
}

/**
 * Step size and epsilon that make ResourceApplyAdam, with its powers of beta at 0, take PyTorch's step.
 * Its epsilon sits outside the bias correction, and it computes 1 - beta in float32, which PyTorch does not.
 */
function adamScalars(step: number, rate: number, beta1: number, beta2: number, epsilon: number): number[] {
  const first = (1 - beta1) / (1 - Math.fround(beta1));
  const second = (1 - beta2) / (1 - Math.fround(beta2));
  const correction = Math.sqrt((1 - beta2 ** (step + 1)) / second);
  return [(rate * first * correction) / (1 - beta1 ** (step + 1)), epsilon * correction];
}

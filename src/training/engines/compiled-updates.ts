import type { NodeAttribute } from '../../graph/graph-builder.ts';
import type { OptimizerConfig } from '../optimizer-config.ts';
import { learningRateAt } from '../optimizers/index.ts';
import type { Math32 } from './compiled-moves.ts';

/** An update rule for which TensorFlow has one op: it takes the variable, its slots in the rule's order, then `inputs`. */
export interface FusedUpdate {
  readonly op: string;
  /** Scalars by name, numbers, or `gradient`. */
  readonly inputs: readonly (string | number)[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
  /** What the op computes, op by op: the new weight, then the new slots. For XLA on a CPU. */
  readonly arithmetic?: Arithmetic;
  readonly scalarNames: readonly string[];
  scalarsAt(step: number): readonly number[];
}

/** The old weight, its slots and gradient as nodes; `math` writes ops, `scalar` finds a scalar by its name. */
export type Arithmetic = (
  old: { readonly weight: string; readonly slots: readonly string[]; readonly gradient: string },
  math: Math32,
  scalar: (name: string) => string,
) => readonly string[];

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
    arithmetic: adamArithmetic(beta1, beta2),
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

/**
 * The weight moves by means that are computed anew, in other words than those that are kept: XLA on a CPU joins kernels
 * that read the same arrays, but none that read what another one writes, so that this makes one pass over
 * memory where the op makes three.
 */
function adamArithmetic(beta1: number, beta2: number): Arithmetic {
  const [first, second] = [1 - Math.fround(beta1), 1 - Math.fround(beta2)];
  return ({ weight, slots: [m, v], gradient }, { add, sub, mul, div, sqrt }, scalar) => {
    const keptM = add(m!, mul(sub(gradient, m!), first));
    const keptV = add(v!, mul(sub(mul(gradient, gradient), v!), second));
    const nextM = add(mul(m!, beta1), mul(gradient, first));
    const nextV = add(mul(v!, beta2), mul(mul(gradient, second), gradient));
    const denominator = add(sqrt(nextV), scalar('epsilon'));
    return [sub(weight, div(mul(nextM, scalar('stepSize')), denominator)), keptM, keptV];
  };
}

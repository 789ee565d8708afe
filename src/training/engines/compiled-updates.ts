import type { NodeAttribute } from '../../tensorflow/index.ts';
import type { OptimizerConfig, OptimizerRule } from '../optimizer-config.ts';
import { learningRateAt } from '../optimizers/index.ts';
import type { Math32 } from './compiled-moves.ts';

/** An update that moves weights outside the recorded program: by an op of TensorFlow, by arithmetic, or by either. */
export interface FusedUpdate {
  readonly native?: NativeUpdate;
  /** Taken by XLA on a CPU, and where there is no op. */
  readonly arithmetic?: Arithmetic;
  readonly scalarNames: readonly string[];
  scalarsAt(step: number): readonly number[];
}

/** One op for the whole rule: it takes the variable, its slots in the rule's order, then `inputs`. */
export interface NativeUpdate {
  readonly op: string;
  /** Scalars by name, numbers, or `gradient`. */
  readonly inputs: readonly (string | number)[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
}

/**
 * Gives the new weight, then the new slots. The old ones and the gradient are nodes; `math` writes ops, `scalar` finds
 * a scalar by its name. With `apart` no result is made of another one.
 */
export type Arithmetic = (
  old: { readonly weight: string; readonly slots: readonly string[]; readonly gradient: string },
  math: Math32,
  scalar: (name: string) => string,
  apart: boolean,
) => readonly string[];

export const GRADIENT = 'gradient';

/** The update for a rule; undefined for rules whose own function is as good. */
export function fusedUpdate(config: OptimizerConfig): FusedUpdate | undefined {
  const { rule } = config;
  if (rule.kind === 'sgd') return fusedSgd(config, rule);
  if (rule.kind === 'adam' || rule.kind === 'adamw') return fusedAdam(config, rule);
  return undefined;
}

const attributes = { T: { type: 'float32' }, use_locking: { bool: false } } as const;

type Rule<Kind> = Extract<OptimizerRule, { kind: Kind }>;

function fusedSgd(config: OptimizerConfig, { momentum = 0, nesterov = false }: Rule<'sgd'>): FusedUpdate {
  const inputs = ['learningRate', GRADIENT];
  const native =
    momentum === 0
      ? { op: 'ResourceApplyGradientDescent', inputs, attributes }
      : {
          op: 'ResourceApplyMomentum',
          inputs: [...inputs, momentum],
          attributes: { ...attributes, use_nesterov: { bool: nesterov } },
        };
  return {
    native,
    scalarNames: ['learningRate'],
    scalarsAt: (step) => [learningRateAt(config, step)],
  };
}

/** TensorFlow has no op for AdamW. */
function fusedAdam(config: OptimizerConfig, rule: Rule<'adam' | 'adamw'>): FusedUpdate {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = rule;
  const decay = rule.kind === 'adamw' ? (rule.weightDecay ?? 0.01) : undefined;
  const decays = decay !== undefined;
  const native: NativeUpdate = {
    op: 'ResourceApplyAdam',
    inputs: [0, 0, 'stepSize', beta1, beta2, 'epsilon', GRADIENT],
    attributes: { ...attributes, use_nesterov: { bool: false } },
  };
  return {
    native: decays ? undefined : native,
    arithmetic: adamArithmetic(beta1, beta2, decays),
    scalarNames: ['stepSize', 'epsilon', ...(decays ? ['keep'] : [])],
    scalarsAt: (step) => {
      const rate = learningRateAt(config, step);
      const scalars = adamScalars(step, rate, beta1, beta2, epsilon);
      return decays ? [...scalars, 1 - rate * decay] : scalars;
    },
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
 * Adam as ResourceApplyAdam has it. Apart, the weight moves by moments that are computed anew, in other words than those that
 * are kept: XLA on a CPU joins kernels that read the same arrays, but none that read what another one writes, so
 * that this makes one pass over memory where the op makes three.
 */
function adamArithmetic(beta1: number, beta2: number, decays: boolean): Arithmetic {
  const [first, second] = [1 - Math.fround(beta1), 1 - Math.fround(beta2)];
  return ({ weight, slots: [m, v], gradient }, { add, sub, mul, div, sqrt }, scalar, apart) => {
    const keptM = add(m!, mul(sub(gradient, m!), first));
    const keptV = add(v!, mul(sub(mul(gradient, gradient), v!), second));
    const nextM = apart ? add(mul(m!, beta1), mul(gradient, first)) : keptM;
    const nextV = apart ? add(mul(v!, beta2), mul(mul(gradient, second), gradient)) : keptV;
    const denominator = add(sqrt(nextV), scalar('epsilon'));
    const kept = decays ? mul(weight, scalar('keep')) : weight;
    return [sub(kept, div(mul(nextM, scalar('stepSize')), denominator)), keptM, keptV];
  };
}

/**
 * Part of step 1 of the compiled engines (see engine.ts): what the optimizers do to a weight, in a form that is faster
 * than the ops of optimizers/update-rules.ts.
 */
import type { NodeAttribute } from '../../tensorflow/index.ts';
import type { OptimizerConfig, RuleOptions } from '../optimizers/config.ts';
import { learningRateAt } from '../optimizers/schedule.ts';

/**
 * How a compiled engine updates a weight and its slots: by one op of TensorFlow, or by arithmetic that XLA compiles
 * into one kernel. Either is faster than the recorded ops of the `UpdateRule`, and takes the same step.
 */
export interface FusedUpdate {
  /** Undefined if TensorFlow has no op for the rule. */
  readonly op?: UpdateOp;
  /** Used by XLA on a CPU, and everywhere if there is no op. */
  readonly arithmetic?: UpdateArithmetic;
  /** Names of the numbers that change from step to step, and their values at a step; the first step is 0. */
  readonly scalarNames: readonly string[];
  scalarsAt(step: number): readonly number[];
}

/**
 * A TensorFlow op that updates a weight. Its inputs are the weight, the slots in the rule's order, then `operands`.
 */
export interface UpdateOp {
  readonly name: string;
  /** The name of a scalar, a number, or `GRADIENT`. */
  readonly operands: readonly (string | number)[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
}

/** Stands for the gradient among the operands of an update op. */
export const GRADIENT = 'gradient';

/** float32 arithmetic on nodes of a graph. Operands are nodes or numbers. */
export interface GraphMath {
  add(a: string, b: string | number): string;
  sub(a: string, b: string | number): string;
  mul(a: string, b: string | number): string;
  div(a: string, b: string | number): string;
  sqrt(a: string): string;
}

/** The nodes that an update is computed from. */
export interface UpdateInputs {
  readonly weight: string;
  readonly slots: readonly string[];
  readonly gradient: string;
  /** Returns the scalar of that name. */
  scalar(name: string): string;
  /** Do not compute any result from another one; see `adamArithmetic`. */
  readonly recomputeMoments: boolean;
}

/** Adds the nodes of an update, and returns the new weight, followed by the new slots. */
export type UpdateArithmetic = (math: GraphMath, inputs: UpdateInputs) => readonly string[];

/** Returns the fused update of a rule; undefined for RMSProp and Adagrad, which are recorded. */
export function fusedUpdate(config: OptimizerConfig): FusedUpdate | undefined {
  const { rule } = config;
  if (rule.kind === 'sgd') return fusedSgd(config, rule);
  if (rule.kind === 'adam' || rule.kind === 'adamw') return fusedAdam(config, rule);
  return undefined;
}

const attributes = { T: { type: 'float32' }, use_locking: { bool: false } } as const;

function fusedSgd(
  config: OptimizerConfig,
  { momentum = 0, nesterov = false }: RuleOptions<'sgd'>,
): FusedUpdate {
  const operands = ['learningRate', GRADIENT];
  const op: UpdateOp =
    momentum === 0
      ? { name: 'ResourceApplyGradientDescent', operands, attributes }
      : {
          name: 'ResourceApplyMomentum',
          operands: [...operands, momentum],
          attributes: { ...attributes, use_nesterov: { bool: nesterov } },
        };
  return {
    op,
    scalarNames: ['learningRate'],
    scalarsAt: (step) => [learningRateAt(config, step)],
  };
}

/** TensorFlow has an op for Adam, but none for AdamW. */
function fusedAdam(config: OptimizerConfig, options: RuleOptions<'adam' | 'adamw'>): FusedUpdate {
  const { beta1 = 0.9, beta2 = 0.999, epsilon = 1e-8 } = options;
  const weightDecay = options.kind === 'adamw' ? (options.weightDecay ?? 0.01) : undefined;
  const decays = weightDecay !== undefined;
  const op: UpdateOp = {
    name: 'ResourceApplyAdam',
    operands: [0, 0, 'stepSize', beta1, beta2, 'epsilon', GRADIENT],
    attributes: { ...attributes, use_nesterov: { bool: false } },
  };
  return {
    op: decays ? undefined : op,
    arithmetic: adamArithmetic(beta1, beta2, decays),
    scalarNames: ['stepSize', 'epsilon', ...(decays ? ['keep'] : [])],
    scalarsAt: (step) => {
      const rate = learningRateAt(config, step);
      const scalars = adamScalars(step, rate, { beta1, beta2, epsilon });
      return decays ? [...scalars, 1 - rate * weightDecay] : scalars;
    },
  };
}

/**
 * Returns the learning rate and epsilon with which ResourceApplyAdam, at beta powers of 0, takes PyTorch's step. The
 * op adds epsilon before the bias correction, and computes 1 - beta in float32; PyTorch does neither.
 */
function adamScalars(
  step: number,
  rate: number,
  { beta1, beta2, epsilon }: { readonly beta1: number; readonly beta2: number; readonly epsilon: number },
): number[] {
  const factor1 = (1 - beta1) / (1 - Math.fround(beta1));
  const factor2 = (1 - beta2) / (1 - Math.fround(beta2));
  const correction = Math.sqrt((1 - beta2 ** (step + 1)) / factor2);
  return [(rate * factor1 * correction) / (1 - beta1 ** (step + 1)), epsilon * correction];
}

/**
 * Adam as ResourceApplyAdam computes it. XLA on a CPU fuses kernels that read the same arrays, but never a kernel
 * with one that reads its result. With `recomputeMoments` the weight's update therefore computes the moments itself,
 * by other ops than those of the slots' update, so that XLA cannot recognize them as the same. All three updates then
 * take one pass over memory, where the op takes three.
 */
function adamArithmetic(beta1: number, beta2: number, decays: boolean): UpdateArithmetic {
  const [oneMinusBeta1, oneMinusBeta2] = [1 - Math.fround(beta1), 1 - Math.fround(beta2)];
  return ({ add, sub, mul, div, sqrt }, { weight, slots, gradient, scalar, recomputeMoments }) => {
    const [m, v] = slots as [string, string];
    const nextM = add(m, mul(sub(gradient, m), oneMinusBeta1));
    const nextV = add(v, mul(sub(mul(gradient, gradient), v), oneMinusBeta2));
    const updateM = recomputeMoments ? add(mul(m, beta1), mul(gradient, oneMinusBeta1)) : nextM;
    const updateV = recomputeMoments
      ? add(mul(v, beta2), mul(mul(gradient, oneMinusBeta2), gradient))
      : nextV;
    const denominator = add(sqrt(updateV), scalar('epsilon'));
    const decayed = decays ? mul(weight, scalar('keep')) : weight;
    return [sub(decayed, div(mul(updateM, scalar('stepSize')), denominator)), nextM, nextV];
  };
}

/**
 * Part of step 1 of the compiled engines (see engine.ts): what the optimizers do to a weight, in a form that is
 * faster than the ops of optimizers/update-rules.ts.
 */
import type { NodeAttribute } from '../../tensorflow/index.ts';
import type { OptimizerConfig, RuleOptions } from '../optimizers/config.ts';
import { learningRateAt } from '../optimizers/schedule.ts';

/**
 * How a compiled engine updates a weight and its slots (the optimizer's state, such as Adam's moments): by one
 * TensorFlow op, or by arithmetic that XLA compiles into one kernel. Both compute the same step as the recorded ops
 * of the `UpdateRule`, but faster. At least one of `op` and `arithmetic` is defined. record-step.ts gets the update by
 * `fusedUpdate`; updates.ts adds it to the graph.
 */
export interface FusedUpdate {
  /** Undefined if TensorFlow has no op for the rule. */
  readonly op?: UpdateOp;
  /** Used by XLA on a CPU; on other targets only if `op` is undefined. */
  readonly arithmetic?: UpdateArithmetic;
  /** Names of the numbers that change from step to step, such as the learning rate. */
  readonly scalarNames: readonly string[];
  /** Returns the values of `scalarNames`, in the same order. The first step is 0. */
  scalarsAt(step: number): readonly number[];
}

/**
 * A TensorFlow op that updates a weight. Its inputs are the weight, the slots in the rule's order, then `operands`.
 */
export interface UpdateOp {
  readonly name: string;
  /** Each is a number, `GRADIENT`, or one of `scalarNames`. */
  readonly operands: readonly (string | number)[];
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
}

/** Stands for the gradient among the operands of an update op. */
export const GRADIENT = 'gradient';

/** float32 arithmetic on a graph. Strings are names of nodes; each method adds a node and returns its name. */
export interface GraphMath {
  add(a: string, b: string | number): string;
  sub(a: string, b: string | number): string;
  mul(a: string, b: string | number): string;
  div(a: string, b: string | number): string;
  sqrt(a: string): string;
}

/** What an update is computed from. Strings are names of nodes. */
export interface UpdateInputs {
  readonly weight: string;
  readonly slots: readonly string[];
  readonly gradient: string;
  /** Returns the node of one of `scalarNames`. */
  scalar(name: string): string;
  /** Recompute the moments for the weight's update instead of sharing those of the slots; see `adamArithmetic`. */
  readonly recomputeMoments: boolean;
}

/** Adds the nodes of an update. Returns the new weight, then the new slots. */
export type UpdateArithmetic = (math: GraphMath, inputs: UpdateInputs) => readonly string[];

/** Returns the fused update of a rule; undefined for RMSProp and Adagrad, whose updates are recorded op by op instead. */
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
    // beta1_power and beta2_power are 0: `adamScalars` corrects the bias.
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
 * Returns `stepSize` and `epsilon`: the learning rate and epsilon to pass to ResourceApplyAdam so that it computes
 * PyTorch's step. Both include the bias correction, which the op skips if its beta powers are 0. They also
 * compensate for two differences from PyTorch: the op adds epsilon before the bias correction, and computes 1 - beta
 * in float32.
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
 * Returns the arithmetic of ResourceApplyAdam. `keep` is AdamW's decay factor, 1 - learning rate * weight decay.
 *
 * XLA on a CPU fuses kernels that read the same arrays, but never a kernel with one that reads its result. With
 * `recomputeMoments` the weight's update therefore computes the new moments itself. It uses a different formula than
 * the slots' updates, so that XLA does not merge the two computations into one. All three updates then take one pass
 * over memory; the op takes three.
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

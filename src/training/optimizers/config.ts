import { UsageError } from '../../errors.ts';
import { requireFields } from '../arguments.ts';

/** How the learning rate changes. It rises linearly during the first `warmup` steps, then the schedule begins. */
export type Schedule =
  | { readonly kind: 'constant'; readonly warmup?: number }
  | {
      readonly kind: 'cosine';
      readonly totalSteps: number;
      readonly minimum?: number;
      readonly warmup?: number;
    }
  | { readonly kind: 'step'; readonly every: number; readonly factor: number; readonly warmup?: number };

/**
 * The update rule and its options. They mean what they mean in PyTorch (torch.optim), also where tfjs differs: Adam's
 * epsilon is added after the bias correction and defaults to 1e-8; AdamW's weight decay is decoupled; momentum is
 * v = momentum * v + g, w -= lr * v.
 */
export type OptimizerRule =
  | { readonly kind: 'adam'; readonly beta1?: number; readonly beta2?: number; readonly epsilon?: number }
  | {
      readonly kind: 'adamw';
      readonly beta1?: number;
      readonly beta2?: number;
      readonly epsilon?: number;
      readonly weightDecay?: number;
    }
  | { readonly kind: 'sgd'; readonly momentum?: number; readonly nesterov?: boolean }
  | {
      readonly kind: 'rmsprop';
      readonly decay?: number;
      readonly epsilon?: number;
      readonly momentum?: number;
      readonly centered?: boolean;
    }
  | { readonly kind: 'adagrad'; readonly epsilon?: number; readonly initialAccumulator?: number };

/** The options of one kind of `OptimizerRule`. */
export type RuleOptions<Kind extends OptimizerRule['kind']> = Extract<OptimizerRule, { kind: Kind }>;

/** How an optimizer updates the weights. */
export interface OptimizerConfig {
  readonly rule: OptimizerRule;
  /** Step size before the schedule, above 0. */
  readonly learningRate: number;
  /** Default: the learning rate is constant. */
  readonly schedule?: Schedule;
  /** If the global L2 norm of all gradients exceeds this, they are scaled down to it. Default: no clipping. */
  readonly clipNorm?: number;
}

const OPTIMIZER_NAMES: readonly OptimizerRule['kind'][] = ['adam', 'adamw', 'sgd', 'rmsprop', 'adagrad'];

const SCHEDULE_NAMES: readonly Schedule['kind'][] = ['constant', 'cosine', 'step'];

interface Range {
  readonly contains: (value: number) => boolean;
  readonly text: string;
}

const POSITIVE: Range = { contains: (value) => value > 0, text: 'above 0' };
const NOT_NEGATIVE: Range = { contains: (value) => value >= 0, text: 'at least 0' };
const FRACTION: Range = { contains: (value) => value >= 0 && value < 1, text: 'at least 0 and below 1' };
const COUNT: Range = {
  contains: (value) => Number.isInteger(value) && value > 0,
  text: 'a whole number above 0',
};

const RANGES: Readonly<Record<string, Range>> = {
  learningRate: POSITIVE,
  clipNorm: POSITIVE,
  beta1: FRACTION,
  beta2: FRACTION,
  momentum: FRACTION,
  decay: FRACTION,
  epsilon: NOT_NEGATIVE,
  weightDecay: NOT_NEGATIVE,
  initialAccumulator: NOT_NEGATIVE,
  warmup: {
    contains: (value) => Number.isInteger(value) && value >= 0,
    text: 'a whole number of at least 0',
  },
  totalSteps: COUNT,
  every: COUNT,
  factor: POSITIVE,
  minimum: NOT_NEGATIVE,
};

/** @throws UsageError that names the option that is out of range */
export function validateOptimizer(config: OptimizerConfig): void {
  const advice = "pass { rule: { kind: 'adam' }, learningRate: 1e-3 }";
  requireFields('optimizer', config, { rule: 'object', learningRate: 'number' }, advice);
  const { rule, schedule, learningRate, clipNorm } = config;
  requireName('optimizer', rule.kind, OPTIMIZER_NAMES);
  requireRanges('optimizer', { learningRate, clipNorm });
  requireRanges(rule.kind, rule);
  if (rule.kind === 'sgd' && rule.nesterov && !rule.momentum) {
    throw new UsageError('invalid-argument', 'sgd: nesterov needs a momentum above 0, such as 0.9');
  }
  if (!schedule) return;
  requireName('schedule', schedule.kind, SCHEDULE_NAMES);
  requireRanges(`${schedule.kind} schedule`, schedule);
}

function requireName(what: string, name: string, names: readonly string[]): void {
  if (names.includes(name)) return;
  throw new UsageError('invalid-argument', `unknown ${what} '${name}'; choose from ${names.join(', ')}`);
}

function requireRanges(owner: string, options: object): void {
  for (const [name, value] of Object.entries(options)) {
    const range = RANGES[name];
    if (range === undefined || value === undefined) continue;
    if (!Number.isFinite(value) || !range.contains(value)) {
      throw new UsageError('invalid-argument', `${owner}: ${name} is ${value}; it must be ${range.text}`);
    }
  }
}

import { z } from 'zod';
import { UsageError } from '../errors.ts';
import { firstFault } from '../files/index.ts';
import { type LoraConfig, resolveLoraConfig } from '../lora/index.ts';
import type { Head } from '../models/index.ts';
import { MAX_STEPS } from '../runs/index.ts';
import type { OptimizerConfig, OptimizerRule, Schedule } from '../training/index.ts';

/** Update rules by name, with PyTorch's defaults; `momentum` is 0.9. */
const RULES = {
  adam: { kind: 'adam' },
  adamw: { kind: 'adamw' },
  sgd: { kind: 'sgd' },
  momentum: { kind: 'sgd', momentum: 0.9 },
  nesterov: { kind: 'sgd', momentum: 0.9, nesterov: true },
  rmsprop: { kind: 'rmsprop' },
  adagrad: { kind: 'adagrad' },
} as const satisfies Record<string, OptimizerRule>;

/** Name of an update rule. */
export type OptimizerName = keyof typeof RULES;

/** How weights are updated. */
export interface OptimizerSettings {
  /** A rule by name, or with its own parameters. Default `adam`. */
  readonly rule: OptimizerName | OptimizerRule;
  /** Above 0. Default 0.001. */
  readonly learningRate: number;
  /** Learning rate over steps: constant (default), cosine to 0 at the last step, or multiplied by `lrFactor` every `lrEvery` steps. */
  readonly schedule: Schedule['kind'];
  /** Steps in which the learning rate rises linearly from 0. Fewer than all. Default 0. */
  readonly warmup: number;
  /** Steps between two drops of the schedule `step`. Default 1000. */
  readonly lrEvery: number;
  /** Factor of each drop of the schedule `step`. Default 0.1. */
  readonly lrFactor: number;
  /** Scale gradients down to this global L2 norm. Default: no limit. */
  readonly clipNorm?: number;
}

/** What makes one training differ from another. `run.json` keeps it, so that the training can be resumed. */
export interface TrainingSettings {
  /** Optimizer steps. */
  readonly steps: number;
  readonly batchSize: number;
  readonly seed: number;
  readonly optimizer: OptimizerSettings;
}

/** Settings of `pretrain`. */
export interface PretrainSettings extends TrainingSettings {
  /** Passes over the training set that `steps` were computed from. */
  readonly epochs?: number;
  readonly head: Head;
}

/** How much accuracy fine-tuning may cost, and how often that is checked. */
export interface GuardSettings {
  /** The most accuracy any other class may lose on the validation images, a fraction: 0.005 is half a point. */
  readonly maxDrop: number;
  /** Steps between two checks. Default 20. */
  readonly checkEvery: number;
  /** Consecutive checks over budget that end training. Default 3, or unlimited with `replay`. */
  readonly patience?: number;
}

/** Settings of `finetune`. */
export interface FinetuneSettings extends TrainingSettings {
  /** Labels to train on; empty means all. */
  readonly targetLabels: readonly number[];
  readonly lora: LoraConfig;
  /** Fraction of each batch drawn from the other classes, 0 to 0.9. */
  readonly replay: number;
  readonly guard?: GuardSettings;
  /**
   * After training, choose the adapter strength with the most gain within a budget: the given one, else the guard's, else
   * 0.01.
   */
  readonly searchStrength: boolean | Pick<GuardSettings, 'maxDrop'>;
  /** Fraction of the training set held out for the guard and the strength search. */
  readonly validation: number;
}

/** Settings as a caller gives them: everything has a default. */
export type Given<T> = { readonly [K in keyof T]?: T[K] extends object | undefined ? Partial<T[K]> : T[K] };

const steps = z.int().min(1).max(MAX_STEPS);

const rule = z.union([
  z.enum(Object.keys(RULES) as OptimizerName[]),
  z.looseObject({ kind: z.string() }) as unknown as z.ZodType<OptimizerRule>,
]);

const training = {
  steps,
  batchSize: z.int().min(1).default(10),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0),
  optimizer: z
    .strictObject({
      rule: rule.default('adam'),
      learningRate: z.number().positive().default(1e-3),
      schedule: z.enum(['constant', 'cosine', 'step']).default('constant'),
      warmup: z.int().min(0).default(0),
      lrEvery: z.int().min(1).default(1000),
      lrFactor: z.number().positive().default(0.1),
      clipNorm: z.number().positive().optional(),
    })
    .prefault({}),
};

const pretrainSchema: z.ZodType<PretrainSettings> = z.strictObject({
  ...training,
  epochs: z.number().positive().optional(),
  head: z.enum(['relu', 'linear']).default('relu'),
});

const maxDrop = z.number().min(0).max(1);

const layerPattern = z.union([z.string(), z.array(z.string()), z.instanceof(RegExp)]).optional();
const numbersByPattern = z.record(z.string(), z.number()).optional();

/** The types that `resolveLoraConfig` takes for granted; it checks the rest. */
const lora = z.looseObject({
  rank: z.number().optional(),
  alpha: z.number().optional(),
  dropout: z.number().optional(),
  targets: layerPattern,
  targetWeights: layerPattern,
  exclude: layerPattern,
  modulesToSave: layerPattern,
  from: z.string().optional(),
  rankPattern: numbersByPattern,
  alphaPattern: numbersByPattern,
  rslora: z.boolean().optional(),
  dora: z.boolean().optional(),
});

const finetuneSchema: z.ZodType<FinetuneSettings> = z.strictObject({
  ...training,
  steps: steps.default(200),
  targetLabels: z.array(z.int().min(0)).default([]),
  lora: lora.default({}) as unknown as z.ZodType<LoraConfig>,
  replay: z.number().min(0).max(0.9).default(0),
  guard: z
    .strictObject({
      maxDrop,
      checkEvery: z.int().min(1).default(20),
      patience: z.int().min(1).optional(),
    })
    .optional(),
  searchStrength: z.union([z.boolean(), z.strictObject({ maxDrop })]).default(false),
  validation: z.number().min(0.001).max(0.9).default(0.1),
});

/**
 * Fills in the defaults of `pretrain`.
 *
 * @throws UsageError naming the first setting that is missing or out of range
 */
export function pretrainSettings(given: Given<PretrainSettings>): PretrainSettings {
  return parseSettings(pretrainSchema, given);
}

/**
 * Fills in the defaults of `finetune`.
 *
 * @throws UsageError naming the first setting that is missing or out of range
 */
export function finetuneSettings(given: Given<FinetuneSettings>): FinetuneSettings {
  const settings = parseSettings(finetuneSchema, given);
  resolveLoraConfig(settings.lora);
  return settings;
}

function parseSettings<T extends TrainingSettings>(schema: z.ZodType<T>, given: Given<T>): T {
  const result = schema.safeParse(given);
  if (!result.success) throw new UsageError('invalid-argument', firstFault(result.error, given));
  const { optimizer, steps } = result.data;
  if (optimizer.warmup >= steps) {
    throw new UsageError(
      'warmup-too-long',
      `warmup of ${optimizer.warmup} steps: the training has ${steps} steps; leave some to train`,
    );
  }
  return result.data;
}

/** The optimizer of a training of `steps` steps. */
export function optimizerConfig({ optimizer, steps }: TrainingSettings): OptimizerConfig {
  const { rule, learningRate, clipNorm, schedule, warmup, lrEvery, lrFactor } = optimizer;
  const schedules: Record<Schedule['kind'], Schedule> = {
    constant: { kind: 'constant', warmup },
    cosine: { kind: 'cosine', totalSteps: steps, warmup },
    step: { kind: 'step', every: lrEvery, factor: lrFactor, warmup },
  };
  return {
    rule: typeof rule === 'string' ? RULES[rule] : rule,
    learningRate,
    schedule: schedules[schedule],
    clipNorm,
  };
}

/** Settings as JSON keeps them; a regular expression becomes its source, which layer patterns accept as well. */
export function toJson<T extends object>(settings: T): T {
  const text = JSON.stringify(settings, (_, value) => (value instanceof RegExp ? value.source : value));
  return JSON.parse(text) as T;
}

import { UsageError } from '../../errors.ts';
import type { OptimizerConfig, OptimizerRule, Schedule } from '../optimizer-config.ts';

/** The kinds of `OptimizerRule`. */
export const OPTIMIZER_NAMES: readonly OptimizerRule['kind'][] = [
  'adam',
  'adamw',
  'sgd',
  'rmsprop',
  'adagrad',
];

interface Range {
  readonly allows: (value: number) => boolean;
  readonly says: string;
}

const POSITIVE: Range = { allows: (value) => value > 0, says: 'above 0' };
const NOT_NEGATIVE: Range = { allows: (value) => value >= 0, says: 'at least 0' };
const FRACTION: Range = { allows: (value) => value >= 0 && value < 1, says: 'at least 0 and below 1' };
const COUNT: Range = {
  allows: (value) => Number.isInteger(value) && value > 0,
  says: 'a whole number above 0',
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
  warmup: { allows: (value) => Number.isInteger(value) && value >= 0, says: 'a whole number of at least 0' },
  totalSteps: COUNT,
  every: COUNT,
  factor: POSITIVE,
  minimum: NOT_NEGATIVE,
};

/** @throws UsageError naming the number that is out of range */
export function checkOptimizer({ rule, schedule, learningRate, clipNorm }: OptimizerConfig): void {
  if (!OPTIMIZER_NAMES.includes(rule.kind)) {
    throw new UsageError(
      'invalid-argument',
      `unknown optimizer '${rule.kind}'; choose from ${OPTIMIZER_NAMES.join(', ')}`,
    );
  }
  checkNumbers('optimizer', { learningRate, clipNorm });
  checkNumbers(rule.kind, rule);
  if (rule.kind === 'sgd' && rule.nesterov && !rule.momentum) {
    throw new UsageError('invalid-argument', 'sgd: nesterov needs a momentum above 0, such as 0.9');
  }
  if (schedule) checkSchedule(schedule);
}

function checkSchedule(schedule: Schedule): void {
  if (!['constant', 'cosine', 'step'].includes(schedule.kind)) {
    throw new UsageError(
      'invalid-argument',
      `unknown schedule '${schedule.kind}'; choose from constant, cosine, step`,
    );
  }
  checkNumbers(`${schedule.kind} schedule`, schedule);
}

function checkNumbers(owner: string, numbers: object): void {
  for (const [name, value] of Object.entries(numbers)) {
    const range = RANGES[name];
    if (range === undefined || value === undefined) continue;
    if (!Number.isFinite(value) || !range.allows(value)) {
      throw new UsageError('invalid-argument', `${owner}: ${name} is ${value}; it has to be ${range.says}`);
    }
  }
}

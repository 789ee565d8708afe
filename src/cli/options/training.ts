import { Option } from '@commander-js/extra-typings';
import type { ImageAdjustment } from '../../data/index.ts';
import { integer, positive } from './parsers.ts';
import { type Device, type Engine, optionGroup, settings, shared, under } from './shared.ts';

const OPTIMIZERS = ['adam', 'adamw', 'sgd', 'momentum', 'nesterov', 'rmsprop', 'adagrad'] as const;
const SCHEDULES = ['constant', 'cosine', 'step'] as const;

/** The most steps of a run; see the settings of the recipes. */
export const MAX_STEPS = 100_000_000;

/** Values of the options that `addTrainingOptions` adds. */
export type TrainingOptions = {
  readonly batchSize: number;
  readonly lr: number;
  readonly optimizer: (typeof OPTIMIZERS)[number];
  readonly schedule: (typeof SCHEDULES)[number];
  readonly warmup: number;
  readonly lrEvery: number;
  readonly lrFactor: number;
  readonly clipNorm?: number;
  readonly seed: number;
  readonly tensorboard?: string;
  readonly data?: string;
  readonly adjust?: readonly ImageAdjustment[];
  readonly device: Device;
  readonly tf32?: boolean;
  readonly deterministic?: boolean;
  readonly engine: Engine;
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly resume?: boolean;
  readonly progress: boolean;
  readonly quiet?: boolean;
};

/** Adds the options shared by the commands that train. */
export const addTrainingOptions = optionGroup<TrainingOptions>(() => [
  ...under('Training:', [
    new Option('--batch-size <n>', 'examples per step').argParser(integer(1)).default(10),
    new Option('--lr <rate>', 'learning rate').argParser(positive).default(1e-3),
    new Option('--optimizer <name>', "update rule, with PyTorch's default parameters")
      .choices(OPTIMIZERS)
      .default('adam'),
    new Option('--schedule <name>', 'learning rate schedule').choices(SCHEDULES).default('constant'),
    new Option('--lr-every <steps>', "steps between two drops of the 'step' schedule")
      .argParser(integer(1))
      .default(1000),
    new Option('--lr-factor <factor>', "factor of each drop of the 'step' schedule")
      .argParser(positive)
      .default(0.1),
    new Option('--warmup <steps>', 'steps in which the learning rate rises linearly from 0')
      .argParser(integer(0))
      .default(0),
    new Option('--clip-norm <norm>', 'clip gradients to this global L2 norm (default: no limit)').argParser(
      positive,
    ),
    shared.seed(),
  ]),
  new Option('--tensorboard <dir>', 'write TensorBoard event files to this folder during training'),
  shared.data(),
  shared.adjust(),
  shared.device(),
  shared.tf32(),
  shared.deterministic(),
  shared.engine(),
  shared.out(),
  shared.overwrite(),
  shared.resume(),
  shared.noProgress(),
  ...settings(),
]);

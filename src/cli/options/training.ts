import { type Command, Option, type OptionValues } from '@commander-js/extra-typings';
import { integer, positive, shared } from './shared.ts';

const OPTIMIZERS = ['adam', 'adamw', 'sgd', 'momentum', 'nesterov', 'rmsprop', 'adagrad'] as const;
const SCHEDULES = ['constant', 'cosine', 'step'] as const;

/** What the options of `addTrainingOptions` give. */
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
  readonly device: 'auto' | 'cpu' | 'cuda' | 'wasm';
  readonly tf32?: boolean;
  readonly deterministic?: boolean;
  readonly engine: 'auto' | 'eager' | 'graph' | 'xla';
  readonly out?: string;
  readonly overwrite?: boolean;
  readonly resume?: boolean;
  readonly progress: boolean;
  readonly quiet?: boolean;
};

/** Adds the options of commands that train: how, on what, where the run goes. */
export function addTrainingOptions<
  Args extends unknown[],
  Options extends OptionValues,
  Globals extends OptionValues,
>(command: Command<Args, Options, Globals>): Command<Args, Options & TrainingOptions, Globals> {
  const extended = command
    .addOption(new Option('--batch-size <n>', 'examples a step').argParser(integer(1)).default(10))
    .addOption(new Option('--lr <rate>', 'learning rate').argParser(positive).default(1e-3))
    .addOption(
      new Option('--optimizer <name>', "update rule, with PyTorch's defaults")
        .choices(OPTIMIZERS)
        .default('adam' as const),
    )
    .addOption(
      new Option('--schedule <name>', 'learning rate over the steps')
        .choices(SCHEDULES)
        .default('constant' as const),
    )
    .addOption(
      new Option('--lr-every <steps>', "steps between drops of the schedule 'step'")
        .argParser(integer(1))
        .default(1000),
    )
    .addOption(
      new Option('--lr-factor <factor>', "what the schedule 'step' multiplies the learning rate by")
        .argParser(positive)
        .default(0.1),
    )
    .addOption(
      new Option('--warmup <steps>', 'steps in which the learning rate rises from 0')
        .argParser(integer(0))
        .default(0),
    )
    .addOption(
      new Option('--clip-norm <norm>', 'scale gradients down to this global L2 norm').argParser(positive),
    )
    .addOption(shared.seed())
    .addOption(new Option('--tensorboard <dir>', 'also write event files there while training'))
    .addOption(shared.data())
    .addOption(shared.device())
    .addOption(shared.tf32())
    .addOption(shared.deterministic())
    .addOption(shared.engine())
    .addOption(shared.out())
    .addOption(shared.overwrite())
    .addOption(shared.resume())
    .addOption(shared.noProgress())
    .addOption(shared.quiet())
    .addOption(shared.config())
    .addOption(shared.printConfig());
  // Named here, because the inferred type is a nest of one level an option.
  return extended as unknown as Command<Args, Options & TrainingOptions, Globals>;
}

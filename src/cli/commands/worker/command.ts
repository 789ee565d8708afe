import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { integer, number } from '../../options/parsers.ts';
import { optionGroup, settings, shared } from '../../options/shared.ts';
import type { WorkerCommandOptions } from './run.ts';

const addWorkerOptions = optionGroup<WorkerCommandOptions>(() => [
  shared.queue(),
  shared.queuePrefix(),
  new Option('--device <name>', 'device to train on; only trials for it are taken')
    .choices(['cpu', 'cuda', 'wasm'])
    .default('cpu'),
  new Option(
    '--jobs <n>',
    'trials at a time, each with one thread (default: one per core, or 1 with cuda)',
  ).argParser(integer(1)),
  shared.data(),
  new Option('--base <run>', 'run with the base, for bases that are too large for the queue (over 64 MB)'),
  new Option('--max-steps <n>', 'reject sweeps whose trials have more steps')
    .argParser(integer(1))
    .default(1_000_000),
  new Option('--max-memory <MB>', 'memory limit of the process of a trial (Linux only)')
    .argParser(integer(64))
    .default(8192),
  new Option('--max-minutes <n>', 'time limit of a trial').argParser(number(0.01, 16_000)).default(60),
  new Option(
    '--lost-after <seconds>',
    'time without a heartbeat after which other workers get the trials of this one',
  )
    .argParser(number(1, 3600))
    .default(15),
  new Option('--idle-exit <seconds>', 'exit after this time without a trial (default: never)').argParser(
    number(1, 1e6),
  ),
  ...settings(),
]);

/** `worker`: trains trials of sweeps in a queue. */
export function addWorkerCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('worker')
    .description('train trials that sweeps on other machines put into a queue, until stopped');
  addWorkerOptions(command).action(async (options) => {
    const { runWorkerCommand } = await import('./run.ts');
    await runWorkerCommand(options, context);
  });
}

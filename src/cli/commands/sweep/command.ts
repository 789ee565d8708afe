import { type CommandUnknownOpts, Option } from '@commander-js/extra-typings';
import type { CliContext } from '../../context.ts';
import { integer, labels, number, wholeNumbers } from '../../options/parsers.ts';
import { addSettings, optionGroup, settings, shared } from '../../options/shared.ts';
import { gridOptions } from './grid-options.ts';
import type { SweepCommandOptions } from './run.ts';

const addSweepOptions = (context: CliContext) =>
  optionGroup<SweepCommandOptions>(() => [
    new Option('--digits <list>', 'target digits to train on, such as 2,3,5,8,9 (default: all)').argParser(
      labels,
    ),
    new Option('--seeds <list>', 'seeds of each configuration, such as 0-4 or 1,2,7')
      .argParser(wholeNumbers('seeds'))
      .default([0, 1, 2, 3, 4], '0-4'),
    new Option(
      '--max-drop <points>',
      'budget: the most accuracy that any single other digit may lose, in percentage points; also the guard of each trial (default: none)',
    ).argParser(number(0, 100)),
    new Option(
      '--trials <n>',
      'draw combinations at random, for at most this many trials (default: all)',
    ).argParser(integer(1)),
    new Option('--sample-seed <n>', 'seed of that draw').argParser(integer(0, 2 ** 31 - 1)).default(0),
    new Option(
      '--halving',
      'successive halving: train in rounds of twice the steps each, and drop the worse half after each',
    ),
    new Option('--held-out <fraction>', 'fraction of the training set that configurations are compared on')
      .argParser(number(0.01, 0.5))
      .default(0.1),
    shared.queue(),
    shared.queuePrefix(),
    new Option('--queue-expire <hours>', 'time after which an abandoned sweep is deleted from the queue')
      .argParser(number(0.02, 8784))
      .default(168),
    new Option(
      '--jobs <n>',
      'worker processes on this machine, each with one thread; not with --queue (default: one per core)',
    ).argParser(integer(1)),
    new Option('--yes', 'allow more than 10,000 trials'),
    new Option(
      '--out <dir>',
      'folder of the sweep; trials that are already in it are not trained again',
    ).default('runs/sweep'),
    shared.data(),
    new Option('--device <name>', 'device to run on').choices(['auto', 'cpu', 'cuda', 'wasm']).default('cpu'),
    shared.noProgress(),
    shared.json(),
    ...settings(),
    ...gridOptions(context),
  ]);

/** `sweep RUN`: fine-tunes with every combination of lists of options, and recommends one. */
export function addSweepCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('sweep')
    .description(
      'fine-tune with every combination of settings and recommend one; the options under Training and Adapter take lists',
    )
    .argument('<run>', 'run folder of the base')
    .enablePositionalOptions();
  addSweepOptions(context)(command).action(async (run, options) => {
    const { runSweep } = await import('./run.ts');
    // A variable or a file sets the number for the workers of this machine as well.
    const isForWorkers = options.queue !== undefined && command.getOptionValueSource('jobs') !== 'cli';
    await runSweep(run, isForWorkers ? { ...options, jobs: undefined } : options, context);
  });
  addStatusCommand(command, context);
  addCancelCommand(command, context);
}

function addStatusCommand(sweep: CommandUnknownOpts, context: CliContext): void {
  const command = sweep
    .command('status')
    .description('list the sweeps and workers of a queue')
    .addOption(shared.queue())
    .addOption(shared.queuePrefix())
    .addOption(shared.json());
  addSettings(command).action(async (options) => {
    const { showQueue } = await import('./queue.ts');
    await showQueue(options, context);
  });
}

function addCancelCommand(sweep: CommandUnknownOpts, context: CliContext): void {
  const command = sweep
    .command('cancel')
    .description('delete the trials of sweeps from a queue; workers stop training them')
    .argument('[sweeps...]', "ids from 'sweep status' (default: the only sweep)")
    .addOption(shared.queue())
    .addOption(shared.queuePrefix())
    .addOption(shared.json());
  addSettings(command).action(async (ids, options) => {
    const { cancelQueued } = await import('./queue.ts');
    await cancelQueued(ids, options, context);
  });
}

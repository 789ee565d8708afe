import { type CommandUnknownOpts, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { UsageError } from '../../../errors.ts';
import type { CliContext } from '../../context.ts';
import { baseModelOption, rejectRunOptions } from '../../options/base-model.ts';
import { integer } from '../../options/parsers.ts';
import { addSettings, shared } from '../../options/shared.ts';

/**
 * `inspect RUN`: layers, adapters and likely problems. `inspect --base-model`: nodes that can be adapted, or an adapter.
 * `inspect --shape`: the cost of an adapter.
 */
export function addInspectCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('inspect')
    .description("show a run's layers, what its adapter changes, and likely problems")
    .argument('[run]', 'run folder; with --base-model, adapter folder')
    .addOption(baseModelOption())
    .addOption(
      new Option(
        '--shape <in>x<out>',
        'instead of a run: show the parameters, memory and operations of an adapter for a kernel of this shape',
      ).argParser(shape),
    )
    .addOption(new Option('--rank <n>', 'rank for --shape').argParser(integer(1)).default(2))
    .addOption(new Option('--program', 'show the ops of one compiled training step'))
    .addOption(
      new Option('--batch-size <n>', 'examples in the step of --program').argParser(integer(1)).default(10),
    )
    .addOption(shared.data())
    .addOption(shared.adjust())
    .addOption(shared.device())
    .addOption(shared.json());
  addSettings(command).action(async (run, options, self) => {
    // Variables and files set options for several commands, so only the command line is checked.
    const isOnCommandLine = (name: 'program' | 'rank' | 'batchSize') =>
      self.getOptionValueSource(name) === 'cli';
    if (options.shape) {
      const excess = isOnCommandLine('program') ? '--program' : run;
      if (excess !== undefined)
        throw new UsageError('invalid-argument', `--shape: needs no run; omit ${excess}`);
      const { runInspectShape } = await import('./shape.ts');
      runInspectShape({ ...options, shape: options.shape }, context);
      return;
    }
    if (options.baseModel !== undefined) {
      rejectRunOptions(self, ['program', 'rank', 'data', 'adjust']);
      const { runInspectAdapter } = await import('./adapter.ts');
      await runInspectAdapter(run, { ...options, baseModel: options.baseModel }, context);
      return;
    }
    if (run === undefined)
      throw new UsageError('invalid-argument', 'name a run, or use --base-model or --shape');
    if (isOnCommandLine('rank'))
      throw new UsageError('invalid-argument', '--rank: has no effect without --shape; omit it');
    if (!options.program && isOnCommandLine('batchSize'))
      throw new UsageError('invalid-argument', '--batch-size: has no effect without --program; add it');
    const { runInspect } = await import('./run.ts');
    await runInspect(run, options, context);
  });
}

/** '300x200' -> [300, 200] */
function shape(text: string): [number, number] {
  const match = /^(\d+)\s*[x×]\s*(\d+)$/.exec(text.trim());
  const [inputs, outputs] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || inputs < 1 || outputs < 1) {
    throw new InvalidArgumentError('It must be inputs and outputs of at least 1, such as 300x200.');
  }
  return [inputs, outputs];
}

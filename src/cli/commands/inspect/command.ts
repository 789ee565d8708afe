import { type CommandUnknownOpts, InvalidArgumentError, Option } from '@commander-js/extra-typings';
import { UsageError } from '../../../errors.ts';
import type { CliContext } from '../../context.ts';
import { integer } from '../../options/parsers.ts';
import { addSettings, type Device, shared } from '../../options/shared.ts';

/** What the options of `inspect` give. */
export interface InspectOptions {
  readonly shape?: readonly [inputs: number, outputs: number];
  readonly rank: number;
  readonly program?: boolean;
  readonly batchSize: number;
  readonly data?: string;
  readonly device: Device;
  readonly json?: boolean;
}

/** `inspect RUN`: what is in it and what stands out; `inspect --shape`: what low rank would save. */
export function addInspectCommand(program: CommandUnknownOpts, context: CliContext): void {
  const command = program
    .command('inspect')
    .description("show a run's layers, what its adapter changes, and what stands out")
    .argument('[run]', 'run folder')
    .addOption(
      new Option(
        '--shape <in>x<out>',
        'instead of a run: what --rank costs for a kernel of this shape',
      ).argParser(parseShape),
    )
    .addOption(new Option('--rank <n>', 'rank for --shape').argParser(integer(1)).default(2))
    .addOption(new Option('--program', 'show the ops of one training step as they are compiled'))
    .addOption(
      new Option('--batch-size <n>', 'examples in the step that --program shows')
        .argParser(integer(1))
        .default(10),
    )
    .addOption(shared.data())
    .addOption(shared.device())
    .addOption(shared.json());
  addSettings(command).action(async (run, options, self) => {
    requireUse(run, options, (name) => self.getOptionValueSource(name) === 'cli');
    if (options.shape) {
      const { inspectShape } = await import('./shape.ts');
      inspectShape(options.shape, options, context);
      return;
    }
    const { inspectRun } = await import('./run.ts');
    await inspectRun(run, options, context);
  });
}

/** Refuses what would be passed over in silence; a file or a variable may say it, for they serve all commands. */
function requireUse(
  run: string | undefined,
  { shape, program }: Pick<InspectOptions, 'shape' | 'program'>,
  isFlag: (name: 'program' | 'rank' | 'batchSize') => boolean,
): void {
  const other = isFlag('program') ? '--program' : run;
  if (shape && other !== undefined)
    throw new UsageError('invalid-argument', `--shape: stands for a kernel alone; leave ${other} out`);
  if (!shape && isFlag('rank'))
    throw new UsageError('invalid-argument', '--rank: is for --shape; a run has its ranks');
  if (!program && isFlag('batchSize'))
    throw new UsageError('invalid-argument', '--batch-size: is for --program; add it');
}

function parseShape(text: string): [number, number] {
  const match = /^(\d+)\s*[x×]\s*(\d+)$/.exec(text.trim());
  const [inputs, outputs] = [Number(match?.[1]), Number(match?.[2])];
  if (!match || inputs < 1 || outputs < 1) {
    throw new InvalidArgumentError('It must be inputs and outputs from 1 up, such as 300x200.');
  }
  return [inputs, outputs];
}

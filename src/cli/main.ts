import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { AppError } from '../errors.ts';
import { deviceErrorOfOp } from '../tensorflow/index.ts';
import { version } from '../version.ts';
import { addCommands } from './commands/index.ts';
import { type CliContext, processContext } from './context.ts';
import { messageWithHint } from './hints.ts';
import { applySettings } from './settings/apply.ts';
import { Stopped } from './signals.ts';

/** What a shell sees when commander itself refuses the arguments. */
const USAGE_EXIT_CODE = 2;

/**
 * Runs one command line and returns its exit code: 0 fine; 1 a bug, with its stack; 2 usage; 3 data;
 * 4 checkpoint or adapter; 5 training; 6 TensorFlow; 10 a gate; 130 and 143 stopped by a signal after saving.
 */
export async function main(argv: readonly string[], context: CliContext = processContext()): Promise<number> {
  let quiet = false;
  const io: CliContext = { ...context, note: (text) => (quiet ? undefined : context.note(text)) };
  const program = new Command('tfjs-lora')
    .description('Low-rank adaptation (LoRA) for TensorFlow.js: train, adapt and judge a digit classifier.')
    .version(version)
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: false, helpWidth: context.columns, minWidthToWrap: 30 })
    .hook('preAction', (_program, command) => {
      const settings = applySettings(command, io);
      quiet = settings.quiet;
    });
  addCommands(program, io);
  configureOutput(program, context);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    return exitCodeOf(error, context);
  }
}

/** Makes commander report through the context and throw instead of ending the process. */
function configureOutput(command: CommandUnknownOpts, context: CliContext, above = ''): void {
  const path = `${above}${command.name()}`;
  command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => context.note(text.trimEnd()),
    })
    .showHelpAfterError(`Run '${path} --help' for what it takes.`);
  for (const child of command.commands) configureOutput(child, context, `${path} `);
}

function exitCodeOf(error: unknown, context: CliContext): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : USAGE_EXIT_CODE;
  if (error instanceof Stopped) return error.signal === 'SIGINT' ? 130 : 143;
  const known = error instanceof AppError ? error : deviceErrorOfOp(error);
  if (known) {
    context.note(`error: ${messageWithHint(known)}`);
    return known.exitCode;
  }
  context.note(error instanceof Error ? (error.stack ?? error.message) : String(error));
  context.note('This is a bug in tfjs-lora: please report it with the lines above and the command.');
  return 1;
}

import { constants } from 'node:os';
import { Command, CommanderError, type CommandUnknownOpts } from '@commander-js/extra-typings';
import { AppError, GateError, UsageError } from '../errors.ts';
import { jsonText } from '../files/index.ts';
import { version } from '../version.ts';
import { addCommands } from './commands/index.ts';
import { type CliContext, processContext } from './context.ts';
import type { ErrorDocument } from './error-document.ts';
import { hintFor, messageWithHint } from './hints.ts';
import { messageLine, safeOutput } from './output.ts';
import { applySettings } from './settings/apply.ts';
import { Interrupted } from './signals.ts';

const EXIT_CODES =
  'Exit codes: 0 success, 1 bug, 2 invalid arguments, 3 invalid data, 4 invalid run or adapter, 5 training failed, ' +
  '6 TensorFlow or device not available, 7 queue not available, 10 gate not met, 129, 130 and 143 stopped by a signal.';

const JSON_ERRORS =
  'With --json, stdout is one JSON document: the result, or { "error": { "code", "message", "hint", "exitCode" } } ' +
  'on failure.';

const OTHER_SOURCES =
  'Any option can also be set by an environment variable (--batch-size by TFJS_LORA_BATCH_SIZE), or in the TOML file of ' +
  '--config. The command line takes precedence over the environment, and the environment over the file.';

/** Runs a command line and returns its exit code, one of those that `--help` lists. */
export async function main(argv: readonly string[], context: CliContext = processContext()): Promise<number> {
  const output = safeOutput(context);
  let quiet = false;
  // A guess for errors that occur before the options are parsed.
  let json = argv.includes('--json');
  let hasResult = false;
  const commandContext: CliContext = {
    ...output,
    note: (text) => (quiet ? undefined : output.note(text)),
    print: (text) => {
      hasResult = true;
      return output.print(text);
    },
  };
  const program = createProgram(commandContext).hook('preAction', (_program, command) => {
    if (commandContext.cwd === '') {
      throw new UsageError(
        'file-not-found',
        'the working directory was removed; change to an existing folder',
      );
    }
    applySettings(command, commandContext);
    quiet = command.getOptionValue('quiet') === true;
    json = command.getOptionValue('json') === true;
  });
  configureOutput(program, commandContext);
  try {
    await program.parseAsync([...argv], { from: 'user' });
    return 0;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0;
    const failure = await describeFailure(error);
    for (const line of failure.lines) output.note(line);
    const { code, message, hint, exitCode } = failure;
    const document: ErrorDocument = { error: { code, message, hint, exitCode } };
    if (json && !hasResult) output.print(jsonText(document));
    return exitCode;
  }
}

function createProgram(context: CliContext) {
  const program = new Command('tfjs-lora')
    .description(
      'Low-rank adaptation (LoRA) for TensorFlow.js: train, adapt and evaluate a digit classifier.',
    )
    .version(version)
    .enablePositionalOptions()
    .configureHelp({ showGlobalOptions: false, helpWidth: context.columns, minWidthToWrap: 20 });
  addCommands(program, context);
  return program;
}

/** Makes commander print through the context, and throw instead of ending the process. Adds the end of `--help`. */
function configureOutput(command: CommandUnknownOpts, context: CliContext, parents = ''): void {
  const path = `${parents}${command.name()}`;
  const isProgram = parents === '';
  const hasConfig = command.options.some((option) => option.long === '--config');
  const paragraphs = isProgram ? [EXIT_CODES, JSON_ERRORS] : hasConfig ? [OTHER_SOURCES] : [];
  command
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      writeErr: (text) => context.note(text.trimEnd()),
    })
    .addHelpText('after', () =>
      paragraphs.map((text) => `\n${command.createHelp().boxWrap(text, context.columns)}`).join('\n'),
    )
    .showHelpAfterError(`Run '${path} --help' for usage.`);
  for (const child of command.commands) configureOutput(child, context, `${path} `);
}

/** How a failure is reported. */
type Failure = ErrorDocument['error'] & {
  /** Lines for stderr. */
  readonly lines: readonly string[];
};

async function describeFailure(error: unknown): Promise<Failure> {
  if (error instanceof CommanderError) {
    // Commander has printed the message. Its second line, if any, suggests an option or command.
    const [message = '', suggestion] = error.message.replace(/^error: /, '').split('\n');
    const hint = suggestion?.replace(/^\((.*)\)$/, '$1');
    return { code: 'invalid-argument', message, hint, exitCode: 2, lines: [] };
  }
  if (error instanceof Interrupted) {
    const exitCode = 128 + constants.signals[error.signal];
    return { code: 'interrupted', message: error.message, exitCode, lines: [] };
  }
  const known = error instanceof AppError ? error : await deviceErrorOf(error);
  if (known) {
    const { code, exitCode } = known;
    // Only a GateError has a line for each gate; a line break in another message is part of a name.
    const lines = known instanceof GateError ? known.message.split('\n') : [known.message];
    const message = lines.map(messageLine).join('\n');
    const line = `error: ${messageWithHint({ code, message })}`;
    return { code, message, hint: hintFor(code), exitCode, lines: [line] };
  }
  const { message, stack = message } = error instanceof Error ? error : new Error(String(error));
  const lines = [stack, 'This is a bug in tfjs-lora. Please report it with the lines above and the command.'];
  return { code: 'internal-error', message, exitCode: 1, lines };
}

/** An error of a TensorFlow op as a `DeviceError`, if the device failed. */
async function deviceErrorOf(error: unknown): Promise<AppError | undefined> {
  // Imported only here: `--help` must not load TensorFlow.
  const { deviceErrorOfOp } = await import('../tensorflow/index.ts');
  return deviceErrorOfOp(error);
}

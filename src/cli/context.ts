import type { TrainingProgress } from '../training/index.ts';

/** Environment, terminal and output of a command. Tests pass their own. */
export interface CliContext {
  readonly env: NodeJS.ProcessEnv;
  /** The working directory; empty if it was removed, which `main` reports. */
  readonly cwd: string;
  /** Whether stderr is a terminal. If so, progress is shown as a bar; otherwise as plain lines. */
  readonly interactive: boolean;
  /** Whether to colour results on stdout. Depends on the terminal, NO_COLOR, FORCE_COLOR and TERM=dumb. */
  readonly color: boolean;
  /** Width of the terminal in columns; 80 if stdout is not a terminal. */
  readonly columns: number;
  /** Minimum time between two checkpoints of a training. */
  readonly checkpointEveryMs: number;
  /** See `importWithTensorFlow`. Not set by tests, which change environment variables while libraries would load. */
  readonly loadsEarly?: boolean;
  /** Called with each progress report of a training. Tests use it to act at a certain step. */
  readonly onTrainingProgress?: (progress: TrainingProgress) => void;
  /** Prints a line with a result to stdout. */
  print(text: string): unknown;
  /** Prints a line that is not a result to stderr, unless `--quiet` is set. */
  note(text: string): unknown;
  /** Like `note`, but `--quiet` does not suppress it: for lines that a CI server parses. */
  annotate(text: string): unknown;
}

/** Exit code if results cannot be written to stdout; the same as for any other file. */
const OUTPUT_ERROR_EXIT_CODE = 4;

/** Returns the context of this process. */
export function processContext(): CliContext {
  const { env, stdout, stderr } = process;
  handleOutputErrors();
  const isDumb = env.TERM === 'dumb';
  return {
    env,
    cwd: workingDirectory(),
    interactive: stderr.isTTY === true && !isDumb,
    color: wantsColor(env, stdout.isTTY === true && !isDumb),
    columns: stdout.columns ?? 80,
    checkpointEveryMs: 60_000,
    loadsEarly: true,
    print: (text) => stdout.write(`${text}\n`),
    note: (text) => stderr.write(`${text}\n`),
    annotate: (text) => stderr.write(`${text}\n`),
  };
}

function workingDirectory(): string {
  try {
    return process.cwd();
  } catch {
    return '';
  }
}

/** NO_COLOR, if not empty, turns colours off (no-color.org); else FORCE_COLOR turns them on, or off if it is 0 or false. */
function wantsColor({ NO_COLOR, FORCE_COLOR }: NodeJS.ProcessEnv, byDefault: boolean): boolean {
  if (NO_COLOR) return false;
  if (FORCE_COLOR === undefined) return byDefault;
  return FORCE_COLOR !== '0' && FORCE_COLOR !== 'false';
}

/**
 * Keeps the command running if writing to stdout fails, because it may still have to save a run or check gates. A reader
 * that exits early (`| head`, EPIPE) is not an error. Any other failure is reported and sets the exit code.
 */
function handleOutputErrors(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    const reason = error.code === 'ENOSPC' ? 'the disk is full' : error.message;
    process.stderr.write(`error: results cannot be written to stdout: ${reason}\n`);
    process.once('exit', () => {
      process.exitCode ||= OUTPUT_ERROR_EXIT_CODE;
    });
  });
}

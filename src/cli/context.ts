import type { TrainingProgress } from '../training/index.ts';

/** The world as a command sees it; tests hand in their own. */
export interface CliContext {
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
  /** Whether stderr is a terminal: progress bars there, plain lines elsewhere. */
  readonly interactive: boolean;
  /** Whether results on stdout may carry colours (a terminal, NO_COLOR, FORCE_COLOR, TERM=dumb). */
  readonly color: boolean;
  /** Columns of the terminal, 80 where there is none. */
  readonly columns: number;
  /** The least time between two checkpoints of a training. */
  readonly checkpointEveryMs: number;
  /** Called with each progress of a training; for tests that act at a certain step. */
  readonly onTrainingProgress?: (progress: TrainingProgress) => void;
  /** Writes a result to stdout, with a line end. */
  print(text: string): unknown;
  /** Writes everything that is not a result to stderr, with a line end. */
  note(text: string): unknown;
  /** Like `note`, but not silenced by `--quiet`: for lines that a CI server reads. */
  annotate(text: string): unknown;
}

/** What a shell sees when results could not be written, as for any other file. */
const LOST_OUTPUT_EXIT_CODE = 4;

/** The context of this process. */
export function processContext(): CliContext {
  const { env, stdout, stderr } = process;
  surviveLostOutput();
  const dumb = env.TERM === 'dumb';
  const forced = env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '0';
  return {
    env,
    cwd: process.cwd(),
    interactive: stderr.isTTY === true && !dumb,
    color: !env.NO_COLOR && (forced || (stdout.isTTY === true && !dumb)),
    columns: stdout.columns ?? 80,
    checkpointEveryMs: 60_000,
    print: (text) => stdout.write(`${text}\n`),
    note: (text) => stderr.write(`${text}\n`),
    annotate: (text) => stderr.write(`${text}\n`),
  };
}

/**
 * A reader that goes away (`| head`) neither ends the command, which may still have a run to save and gates to check,
 * nor is an error; anything else that keeps results from stdout is.
 */
function surviveLostOutput(): void {
  process.stderr.on('error', () => undefined);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') return;
    const reason = error.code === 'ENOSPC' ? 'the disk is full' : error.message;
    process.stderr.write(`error: results cannot be written to stdout: ${reason}\n`);
    process.once('exit', () => {
      process.exitCode ||= LOST_OUTPUT_EXIT_CODE;
    });
  });
}

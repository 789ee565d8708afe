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
  /** Writes a result to stdout, with a line end. */
  print(text: string): void;
  /** Writes everything that is not a result to stderr, with a line end. */
  note(text: string): void;
}

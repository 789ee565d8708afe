import type { CliContext } from '../../src/cli/context.ts';

export interface RecordedContext extends CliContext {
  readonly out: string[];
  readonly err: string[];
}

/** A context without a terminal that collects what is printed, one entry per line of stdout and stderr. */
export function recordedContext(overrides: Partial<CliContext> = {}): RecordedContext {
  const out: string[] = [];
  const err: string[] = [];
  return {
    env: {},
    cwd: process.cwd(),
    interactive: false,
    color: false,
    columns: 80,
    checkpointEveryMs: 60_000,
    print: (text) => out.push(text),
    note: (text) => err.push(text),
    annotate: (text) => err.push(text),
    ...overrides,
    out,
    err,
  };
}

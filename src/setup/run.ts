/** The result of running a program. */
export interface ProgramResult {
  readonly ok: boolean;
  /** Whether the program does not exist. */
  readonly notFound: boolean;
  /** stdout and stderr, interleaved. */
  readonly output: string;
}

/**
 * Runs a program to its end. It is killed if this process exits first.
 *
 * @param env variables to set in addition to those of this process
 */
export async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  // Loaded late: most processes only look where the libraries are, and run nothing.
  const { execa } = await import('execa');
  const result = await execa(program, args, { env, all: true, reject: false, stdin: 'ignore' });
  return { ok: !result.failed, notFound: result.code === 'ENOENT', output: result.all };
}

/** The line of a failed program's output that best explains the failure: the last error, else the last line. */
export function failureReason(output: string): string {
  const lines = output
    .split('\n')
    .map((line) => line.trim())
    .filter(Boolean);
  const errors = lines.filter((line) => /\b(error|fatal)\b/i.test(line));
  return (errors.at(-1) ?? lines.at(-1) ?? 'no output').replace(/^error: +/i, '');
}

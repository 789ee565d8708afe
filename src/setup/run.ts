import { spawn } from 'node:child_process';
import { onExit } from 'signal-exit';

/** The result of running a program. */
export interface ProgramResult {
  readonly ok: boolean;
  /** Whether the program does not exist. */
  readonly notFound: boolean;
  /** stdout and stderr, interleaved. */
  readonly output: string;
}

/**
 * Runs a program to its end. It is killed if this process ends first, also by a signal.
 *
 * @param env variables to set in addition to those of this process
 */
export async function run(
  program: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<ProgramResult> {
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
  const removeExitListener = onExit(() => void child.kill());
  const parts: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => parts.push(part));
  try {
    const exitCode = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject).once('close', resolve);
    });
    return { ok: exitCode === 0, notFound: false, output: Buffer.concat(parts).toString().trimEnd() };
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { ok: false, notFound: code === 'ENOENT', output: message };
  } finally {
    removeExitListener();
  }
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

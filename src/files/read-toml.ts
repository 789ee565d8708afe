import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { UsageError } from '../errors.ts';
import { describeFsError } from './reason.ts';

/**
 * Reads a TOML file.
 *
 * @throws UsageError naming the file, and where in it the syntax is wrong: line and column, from 1
 */
export function readToml(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw new UsageError(
      'invalid-argument',
      `${path}: cannot be read: ${describeFsError((error as NodeJS.ErrnoException).code!)}`,
    );
  }
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason] = error.message.replace('Invalid TOML document: ', '').split('\n');
    throw new UsageError(
      'invalid-argument',
      `${path}: line ${error.line}, column ${error.column}: is no TOML: ${reason}`,
    );
  }
}

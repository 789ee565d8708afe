import { parse, TomlError } from 'smol-toml';
import { UsageError } from '../errors.ts';
import { readTextSync } from './read-text.ts';

/** Largest file that is read, in bytes. Settings are written by hand, so they are small. */
const MAX_TOML_BYTES = 2 ** 20;

/**
 * Reads a TOML file of at most 1 MiB; a byte order mark is allowed.
 *
 * @throws UsageError if the file cannot be read, or with line and column (from 1) of a syntax error
 */
export function readToml(path: string): Record<string, unknown> {
  const text = readTextSync(UsageError, path, MAX_TOML_BYTES);
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof TomlError)) throw error;
    const [reason] = error.message.replace('Invalid TOML document: ', '').split('\n');
    throw new UsageError(
      'invalid-argument',
      `${path}: line ${error.line}, column ${error.column}: invalid TOML: ${reason}`,
    );
  }
}

import { readFileSync } from 'node:fs';
import { parse, TomlError } from 'smol-toml';
import { UsageError } from '../errors.ts';
import { toFileError } from './file-errors.ts';

/**
 * Reads a TOML file.
 *
 * @throws UsageError if the file cannot be read, or with line and column (from 1) of a syntax error
 */
export function readToml(path: string): Record<string, unknown> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    throw toFileError(UsageError, path, 'read', error);
  }
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

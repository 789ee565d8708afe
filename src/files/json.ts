import { readFile } from 'node:fs/promises';
import { CheckpointError } from '../errors.ts';
import { withFileErrors } from './file-errors.ts';
import { writeFileAtomic } from './write-file-atomic.ts';

/** A value as documents of this program hold it: indented by two spaces, without a line end at its end. */
export function jsonText(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

/** @throws CheckpointError when the file cannot be read or is not JSON */
export async function readJson(path: string): Promise<unknown> {
  const text = await withFileErrors(CheckpointError, path, 'read', () => readFile(path, 'utf8'));
  try {
    return JSON.parse(text);
  } catch {
    throw new CheckpointError('invalid-checkpoint', `${path}: is not JSON; the file is damaged`);
  }
}

/**
 * Writes a value as `jsonText` gives it, the file whole or not at all.
 *
 * @throws CheckpointError when the file cannot be written
 */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const text = `${jsonText(value)}\n`;
  await withFileErrors(CheckpointError, path, 'written', () => writeFileAtomic(path, text));
}

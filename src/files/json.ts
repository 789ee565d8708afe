import { CheckpointError } from '../errors.ts';
import { escapeControls } from '../text/index.ts';
import { withFileErrors } from './file-errors.ts';
import { readText } from './read-text.ts';
import { writeFileAtomic } from './write-file-atomic.ts';

/**
 * Returns JSON indented by two spaces, without a newline at its end. Control characters and marks of text direction are
 * escaped, so that the text can be printed.
 */
export function jsonText(value: unknown): string {
  return escapeControls(JSON.stringify(value, null, 2), '\n');
}

/** Largest JSON file that is read by default, in bytes. Parsing can take ten times as much memory. */
const MAX_JSON_BYTES = 2 ** 26;

/** Deepest nesting that is read. Functions that walk through the content call themselves for each level. */
const MAX_DEPTH = 200;

/**
 * Reads a JSON file; a byte order mark is allowed.
 *
 * @param maxBytes larger files are rejected; 64 MiB by default
 * @throws CheckpointError if the file cannot be read, is too large, is not JSON or is nested too deeply
 */
export async function readJson(path: string, maxBytes = MAX_JSON_BYTES): Promise<unknown> {
  return parseJson(path, await readText(CheckpointError, path, maxBytes));
}

/**
 * Parses the content of a JSON file.
 *
 * @param path for messages
 * @throws CheckpointError if it is not JSON or is nested too deeply
 */
export function parseJson(path: string, text: string): unknown {
  let content: unknown;
  try {
    content = JSON.parse(text);
  } catch {
    throw new CheckpointError('invalid-checkpoint', `${path}: not valid JSON; the file is damaged`);
  }
  if (!isNestedAtMost(content, MAX_DEPTH)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: nested more than ${MAX_DEPTH} levels deep; the file is damaged`,
    );
  }
  return content;
}

function isNestedAtMost(value: unknown, depth: number): boolean {
  if (typeof value !== 'object' || value === null) return true;
  const parts: unknown[] = Array.isArray(value) ? value : Object.values(value);
  return depth > 0 && parts.every((part) => isNestedAtMost(part, depth - 1));
}

/**
 * Writes a value as `jsonText` formats it; the file is never written in part.
 *
 * @throws CheckpointError if the file cannot be written
 */
export async function writeJson(path: string, value: unknown): Promise<void> {
  const text = `${jsonText(value)}\n`;
  await withFileErrors(CheckpointError, path, 'written', () => writeFileAtomic(path, text));
}

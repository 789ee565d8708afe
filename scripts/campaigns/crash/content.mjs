// The content of files and folders as fingerprints that can be compared.
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {ReadonlyMap<string, string>} Content path of each file to its fingerprint; empty if there is nothing */

/** Keys that differ between two runs of the same command. */
const VOLATILE = new Set(['createdAt', 'elapsedMs', 'folder', 'options', 'peakBytes', 'versions']);

/**
 * @param {string} path of a file or folder
 * @returns {Content}
 */
export function contentOf(path) {
  if (!existsSync(path)) return new Map();
  if (!statSync(path).isDirectory()) return new Map([['', fingerprint(path)]]);
  const files = readdirSync(path, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const names = files.map((entry) => join(entry.parentPath ?? entry.path, entry.name)).sort();
  return new Map(names.map((name) => [name.slice(path.length + 1), fingerprint(name)]));
}

/**
 * The first difference of two contents, or undefined if they are equal.
 *
 * @param {Content} found
 * @param {Content} expected
 */
export function difference(found, expected) {
  for (const [name, value] of expected) {
    if (!found.has(name)) return `${name} is missing`;
    if (found.get(name) !== value) return `${name} differs`;
  }
  const extra = [...found.keys()].find((name) => !expected.has(name));
  return extra === undefined ? undefined : `${extra} is left over`;
}

/** @param {string} path */
function fingerprint(path) {
  const bytes = readFileSync(path);
  // The text of a report repeats its JSON, with the time.
  if (path.endsWith('.md') || path.endsWith('.html')) return bytes.length > 0 ? 'a report' : 'empty';
  // tfjs numbers the models of a process.
  if (path.endsWith('model.json')) return bytes.toString().replace(/"sequential_\d+"/, '"sequential"');
  if (path.endsWith('.json')) return stableJson(bytes.toString());
  return createHash('sha256').update(bytes).digest('hex');
}

/** @param {string} text */
function stableJson(text) {
  try {
    return JSON.stringify(JSON.parse(text), (key, value) => (VOLATILE.has(key) ? undefined : value));
  } catch {
    return `damaged: ${text}`;
  }
}

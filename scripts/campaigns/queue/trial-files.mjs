// The content of trials, for comparing two sweeps.
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join, relative } from 'node:path';

/** What differs between two trainings of the same trial: times and memory. */
const VARYING = /"(createdAt|elapsedMs|peakBytes)": [^,\n]+/g;

/**
 * The hash of all files of each trial, by its name.
 *
 * @param {string} folder `trials` of a sweep
 * @returns {Promise<Map<string, string>>}
 */
export async function trialFiles(folder) {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const paths = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  /** @type {Map<string, import('node:crypto').Hash>} */
  const hashes = new Map();
  for (const path of paths.sort()) {
    const name = relative(folder, path);
    const trial = name.slice(0, 16);
    const hash = hashes.get(trial) ?? createHash('sha256');
    hashes.set(trial, hash);
    const content = await readFile(path, 'latin1');
    hash.update(`${name}\n`).update(content.replace(VARYING, ''));
  }
  return new Map([...hashes].map(([trial, hash]) => [trial, hash.digest('hex')]));
}

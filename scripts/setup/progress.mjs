import { readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';

/** How often a line goes to a log file; a terminal's line is drawn anew far more often. */
const LINE_EVERY_MS = 10_000;
const DRAW_EVERY_MS = 200;

/**
 * Shows how far a long job is while `work` runs: one line that changes on a terminal, a line now and then
 * elsewhere.
 *
 * @template T
 * @param {{ label: string, totalBytes: number, doneBytes: () => number, note: (line: string) => void }} job
 * @param {() => Promise<T>} work
 * @returns {Promise<T>}
 */
export async function withProgress({ label, totalBytes, doneBytes, note }, work) {
  const terminal = process.stderr.isTTY === true && process.env.TERM !== 'dumb';
  const text = () => `${label}: ${megabytes(Math.min(doneBytes(), totalBytes))} of ${megabytes(totalBytes)}`;
  const timer = setInterval(
    () => (terminal ? process.stderr.write(`\r\u001B[K${text()}`) : note(text())),
    terminal ? DRAW_EVERY_MS : LINE_EVERY_MS,
  );
  try {
    return await work();
  } finally {
    clearInterval(timer);
    if (terminal) process.stderr.write('\r\u001B[K');
  }
}

/** @param {number} bytes */
export function megabytes(bytes) {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${Math.round(bytes / 1e6)} MB`;
}

/**
 * Size of the largest file in a folder and those below it; 0 where there is none.
 *
 * @param {string} folder
 */
export function largestFile(folder) {
  let largest = 0;
  try {
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const found = statSync(join(folder, name), { throwIfNoEntry: false });
      if (found?.isFile()) largest = Math.max(largest, found.size);
    }
  } catch {
    // The folder comes and goes while pip works.
  }
  return largest;
}

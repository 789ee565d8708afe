import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError } from '../errors.ts';
import { readJson } from '../files/index.ts';
import { fromDocument } from './document.ts';
import type { Report } from './report.ts';

/** The report in a run folder. */
export const REPORT_FILE = 'report.json';

/**
 * Reads the report of a run folder, or a report.json.
 *
 * @throws CheckpointError when there is none, or it is damaged or of a newer format
 */
export async function readReport(path: string): Promise<Report> {
  if (!existsSync(path))
    throw new CheckpointError('invalid-checkpoint', `${path}: no such run folder or report`);
  const file = statSync(path).isDirectory() ? join(path, REPORT_FILE) : path;
  if (!existsSync(file)) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: holds no ${REPORT_FILE}; 'tfjs-lora eval ${path} --report ${file}' writes one`,
    );
  }
  return fromDocument(file, await readJson(file));
}

import { join } from 'node:path';
import { CheckpointError } from '../../errors.ts';
import { withFileErrors, writeFileAtomic, writeJson } from '../../files/index.ts';
import { renderSweepHtml } from './html.ts';
import { renderSweepMarkdown } from './markdown.ts';
import type { SweepReport } from './sweep-report.ts';

export { readSweepReport, type SweepReport, sweepJsonSchema, sweepReport } from './sweep-report.ts';
export { renderSweepText } from './text.ts';

/**
 * Writes `sweep.json`, `sweep.md` and `sweep.html`.
 *
 * @throws CheckpointError if a file cannot be written
 */
export async function writeSweepReport(folder: string, report: SweepReport): Promise<void> {
  await writeJson(join(folder, 'sweep.json'), report);
  await write(join(folder, 'sweep.md'), renderSweepMarkdown(report));
  await write(join(folder, 'sweep.html'), await renderSweepHtml(report));
}

async function write(path: string, text: string): Promise<void> {
  await withFileErrors(CheckpointError, path, 'written', () => writeFileAtomic(path, text));
}

import { constants, existsSync } from 'node:fs';
import { access, appendFile, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { AppError, CheckpointError } from '../errors.ts';
import { withFileErrors, writeFileAtomic } from '../files/index.ts';
import { requireGates } from '../gates/index.ts';
import { githubAnnotations, type RenderOptions, type Report, renderReport } from '../report/index.ts';
import type { CliContext } from './context.ts';
import { formatOf, type ReportOptions } from './options/report.ts';

/** Other results of a command, and failures to throw after the report is printed. */
export interface PublishDetails extends RenderOptions {
  /** The error that ended the work early, such as diverged training. */
  readonly failure?: AppError;
  /** Why a file that belongs to the report could not be written. */
  readonly fileFailure?: AppError;
  /** Called after the report is printed, before a failure is thrown. */
  readonly onPublished?: () => void;
}

/**
 * Prints a report, writes the files of `--report`, and on GitHub adds annotations and a job summary. Everything is
 * written before a failure ends the command.
 *
 * @throws the first of: `failure`, GateError if a gate is not met, `fileFailure`, CheckpointError if a file of `--report`
 *   cannot be written. The others are printed as warnings.
 */
export async function publishReport(
  report: Report,
  options: ReportOptions,
  context: CliContext,
  { failure, fileFailure, onPublished, ...details }: PublishDetails = {},
): Promise<void> {
  const reportFailure = await failureOf(() => writeReportFiles(report, options, context, details));
  const format = options.json ? 'json' : options.format;
  context.print(await renderReport(report, format, { ...details, color: context.color }));
  await publishToGithub(report, context);
  onPublished?.();
  const gateFailure = await failureOf(async () => requireGates(report.gates ?? []));
  const [first, ...others] = [failure, gateFailure, fileFailure, reportFailure].filter(
    (candidate) => candidate !== undefined,
  );
  for (const { message } of others) context.note(`warning: ${message}`);
  if (first) throw first;
}

/**
 * Checks before long work that the files of `--report` can be written.
 *
 * @throws CheckpointError if a path is a folder, or no file can be created there
 */
export async function requireReportPlaces(
  { report: files = [] }: ReportOptions,
  { cwd }: CliContext,
): Promise<void> {
  for (const file of files) {
    const path = resolve(cwd, file);
    await withFileErrors(CheckpointError, path, 'written', async () => {
      const found = await stat(path).catch(() => undefined);
      if (found?.isDirectory()) throw Object.assign(new Error('is a folder'), { code: 'EISDIR' });
      let folder = dirname(path);
      while (!existsSync(folder)) folder = dirname(folder);
      await access(`${folder}/.`, constants.W_OK); // the dot makes it fail for a file
    });
  }
}

/** Runs `work` and returns the `AppError` that it throws, if any. */
export async function failureOf(work: () => Promise<unknown>): Promise<AppError | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    if (error instanceof AppError) return error;
    throw error;
  }
}

async function writeReportFiles(
  report: Report,
  { report: files = [] }: ReportOptions,
  { cwd }: CliContext,
  details: RenderOptions,
): Promise<void> {
  for (const file of files) {
    const path = resolve(cwd, file);
    const text = await renderReport(report, formatOf(file), details);
    await withFileErrors(CheckpointError, path, 'written', () =>
      writeFileAtomic(path, `${text}\n`, { parents: true }),
    );
  }
}

/** Adds annotations and a job summary. A summary that cannot be written is a warning: CI chose its place, not the user. */
async function publishToGithub(report: Report, context: CliContext): Promise<void> {
  if (context.env.GITHUB_ACTIONS !== 'true') return;
  for (const line of githubAnnotations(report)) context.annotate(line);
  const summary = context.env.GITHUB_STEP_SUMMARY;
  if (!summary) return;
  const markdown = await renderReport(report, 'markdown');
  const failure = await failureOf(() =>
    withFileErrors(CheckpointError, summary, 'written', () => appendFile(summary, `${markdown}\n\n`)),
  );
  if (failure) context.note(`warning: ${failure.message}`);
}

import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { cloneModel } from '../models/index.ts';
import { openRun, type Run, readManifest } from '../runs/index.ts';
import type { Scope } from './scope.ts';

/** A run in memory: opened with `openRun`, or the result of a recipe. */
export type RunInMemory = Pick<Run, 'manifest' | 'base' | 'model'> & { readonly folder?: string };

/** A run in a folder, or one in memory, which is not changed. */
export type RunSource = string | RunInMemory;

/**
 * Opens the run to fine-tune. Its base is disposed with the scope if it was loaded here.
 *
 * @param options.resume open the run in `out` instead, which must have the same base as `run`
 * @throws CheckpointError if a run cannot be read
 * @throws UsageError if the run to resume has another base
 */
export async function openSource(
  {
    run,
    out,
    resume,
    cwd = process.cwd(),
  }: {
    readonly run: RunSource;
    readonly out?: string;
    readonly resume?: boolean;
    readonly cwd?: string;
  },
  scope: Scope,
): Promise<RunInMemory> {
  if (!resume && typeof run !== 'string') {
    return run.manifest.adapter ? { ...run, model: cloneModel(run.model) } : run;
  }
  const opened = await openRun(resume ? out! : (run as string), cwd);
  scope.temporary(opened.base);
  if (!resume) return opened;
  const { contentHash: expected } =
    typeof run === 'string' ? await readManifest(resolve(cwd, run)) : run.manifest;
  const { contentHash: actual } = opened.manifest;
  if (actual === expected) return opened;
  throw new UsageError(
    'resume-conflict',
    `${out}: the run was made from a base of content ${actual.slice(0, 12)}, ` +
      `not ${expected.slice(0, 12)}; choose the same base`,
  );
}

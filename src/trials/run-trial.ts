import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { CheckpointError, DataError } from '../errors.ts';
import type { Mnist } from '../mnist-data-loader/index.ts';
import { type FinetuneResult, finetune, type RunInMemory } from '../recipes/index.ts';
import { readManifest } from '../runs/index.ts';
import type { TrainingProgress } from '../training/index.ts';
import {
  saveTrial,
  type TrialRecord,
  type TrialResult,
  type TrialSpec,
  trialFolder,
  trialId,
  trialRecord,
} from './trial.ts';

/** What the trials of a sweep share in one process. */
export interface TrialContext {
  /** The sweep's folder, absolute. */
  readonly out: string;
  readonly base: RunInMemory;
  /** Training images, and held-out images in place of the test set. */
  readonly data: Mnist;
  readonly dataHashes: TrialSpec['data'];
}

/** How to follow and stop a trial. */
export interface TrialOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: TrainingProgress) => void;
}

/**
 * Trains and evaluates a trial, saves its run, and then its record. A training that failed, such as by a loss that is not
 * finite, has a record as well. A stopped run is resumed.
 *
 * @returns undefined if the signal stopped the trial; its run is saved
 * @throws UsageError if the settings do not fit the model
 * @throws CheckpointError if the base is not the one of the specification, or files cannot be written
 * @throws DataError if the images are not those of the specification
 */
export async function runTrial(
  spec: TrialSpec,
  context: TrialContext,
  { signal, onProgress }: TrialOptions = {},
): Promise<TrialRecord | undefined> {
  const { out, base, data } = context;
  requireSameContent(spec, context);
  const id = trialId(spec);
  const folder = trialFolder(out, id);
  const { settings, device } = spec;
  const { guard, searchStrength, validation, ...common } = settings;
  let trainableParameters = 0;
  const result = await finetune({
    ...common,
    ...((guard || searchStrength) && { guard, searchStrength, validation }),
    run: base,
    data,
    tensorflow: { device, threads: 1 },
    out: folder,
    overwrite: true,
    resume: await isStopped(folder),
    signal,
    onProgress,
    onAdapted: (summary) => {
      trainableParameters = summary.trainableParameters;
    },
  });
  try {
    if (result.status === 'stopped') return undefined;
    const outcome = result.failure
      ? ({ status: 'failed', reason: result.failure.message } as const)
      : ({ status: 'complete', result: measured(result, trainableParameters) } as const);
    const record = trialRecord(spec, outcome);
    await saveTrial(out, record);
    return record;
  } finally {
    result.dispose();
  }
}

/** Checks that base and images did not change since the sweep began. */
function requireSameContent(spec: TrialSpec, { base, data, dataHashes }: TrialContext): void {
  const { contentHash } = base.manifest;
  if (contentHash !== spec.base) {
    const hashes = `its content hash is ${contentHash.slice(0, 12)}, not ${spec.base.slice(0, 12)}`;
    throw new CheckpointError('base-changed', `${base.folder}: the base changed during the sweep; ${hashes}`);
  }
  if (dataHashes.train !== spec.data.train || dataHashes.heldOut !== spec.data.heldOut) {
    throw new DataError(
      'data-changed',
      `${data.directory}: the images changed during the sweep; start it again`,
    );
  }
}

function measured(
  { comparison, report, manifest }: FinetuneResult,
  trainableParameters: number,
): TrialResult {
  const { training } = manifest;
  return {
    classes: comparison.classes.map(({ before, after }) => ({
      support: before.support,
      errorsBefore: before.errors,
      errorsAfter: after.errors,
    })),
    trainableParameters,
    effectiveRank: Math.max(0, ...(report.layers ?? []).map(({ effectiveRank }) => effectiveRank)),
    engine: training!.engine,
    elapsedMs: training!.elapsedMs,
    peakBytes: 1024 * process.resourceUsage().maxRSS,
  };
}

async function isStopped(folder: string): Promise<boolean> {
  if (!existsSync(join(folder, 'run.json'))) return false;
  return (await readManifest(folder)).status === 'stopped';
}

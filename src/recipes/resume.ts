import { join, resolve } from 'node:path';
import { dataHash, type ImageDataset } from '../data/index.ts';
import { UsageError } from '../errors.ts';
import { moveIntoPlace, readManifest, readTrainingFiles, unfinishedAt } from '../runs/index.ts';
import type { ResumeState } from './fit.ts';
import type { TrainingRecipeOptions } from './options.ts';
import { type Environment, readRecordedOptions } from './recorded-options.ts';
import type { Given, TrainingSettings } from './settings.ts';

/** An interrupted training: its settings, and the state to continue from. */
export interface Resumed<Settings> {
  readonly settings: Settings;
  /** How the training runs: what the caller set, else as it was started. */
  readonly environment: Environment;
  readonly resume: ResumeState;
  /** Whether all is done and saved in `out`: the process ended just before it moved the run there. */
  readonly isFinished: boolean;
}

type ResumeOptions = Pick<TrainingRecipeOptions, 'out' | 'cwd' | 'onNotice'> & Environment;

/**
 * Reads the stopped or interrupted run in `out`. If the process ended before it saved the run in `out`, the last checkpoint
 * in its staging folder is used, and moved to `out` after all checks.
 *
 * @param command the calling recipe, which must have created the run
 * @param given settings passed by the caller, which must equal the run's; `steps` may be larger
 * @param parse validates the settings in run.json
 * @throws UsageError if `out` is not set, another recipe created the run, the run is complete, or a setting differs
 * @throws CheckpointError if the run is damaged
 */
export async function resumeRun<Settings extends TrainingSettings>(
  command: 'pretrain' | 'finetune',
  options: ResumeOptions,
  given: Given<Settings> & { readonly steps?: number },
  parse: (settings: Given<Settings>) => Settings,
): Promise<Resumed<Settings>> {
  const { out, cwd = process.cwd(), onNotice } = options;
  if (out === undefined)
    throw new UsageError('invalid-argument', "resume: needs 'out', the folder of the run");
  const folder = resolve(cwd, out);
  const unfinished = await unfinishedAt(folder);
  const source = unfinished?.folder ?? folder;
  const manifest = await readManifest(source);
  const { command: maker, status, training } = manifest;
  if (maker !== command || !training) {
    throw new UsageError(
      'nothing-to-resume',
      `${out}: created by ${maker}, so ${command} cannot resume it; choose a run created by ${command}`,
    );
  }
  const stored = readRecordedOptions(join(source, 'run.json'), manifest, parse);
  const steps = Math.max(training.steps, given.steps ?? 0);
  const isFinished = status === 'complete' && steps === training.steps;
  if (isFinished && !unfinished) {
    const done = training.stepsDone === steps ? `all ${steps} steps are done` : 'the training is complete';
    throw new UsageError('training-complete', `${out}: ${done}`);
  }
  requireSameSettings(out, given, stored.settings);
  const files = await readTrainingFiles(source, manifest);
  if (unfinished) {
    await moveIntoPlace(folder, unfinished);
    const from = isFinished
      ? 'the training was complete'
      : `resuming from the last checkpoint, step ${training.stepsDone} of ${steps}`;
    onNotice?.(`note: ${out}: ${from}`);
  }
  return {
    settings: { ...stored.settings, steps },
    environment: mergeEnvironment(stored.environment, options),
    resume: { ...files, folder, dataHash: training.dataHash },
    isFinished,
  };
}

/**
 * Returns the hash of the training set.
 *
 * @throws UsageError if a resumed run was trained on another one
 */
export function trainingDataHash(train: ImageDataset, resume: ResumeState | undefined): string {
  const hash = dataHash(train);
  if (resume?.dataHash === undefined || resume.dataHash === hash) return hash;
  throw new UsageError(
    'other-data',
    `the run was trained on another training set (${resume.dataHash.slice(0, 12)}, not ${hash.slice(0, 12)}); ` +
      'choose the same data',
  );
}

function mergeEnvironment(stored: Environment, given: Environment): Environment {
  const set = Object.entries(given.tensorflow ?? {}).filter(([, value]) => value !== undefined);
  return {
    engine: given.engine ?? stored.engine,
    adjust: given.adjust ?? stored.adjust,
    tensorflow: { ...stored.tensorflow, ...Object.fromEntries(set) },
  };
}

function requireSameSettings<Settings extends TrainingSettings>(
  out: string,
  { steps, ...given }: Given<Settings> & { readonly steps?: number },
  stored: Settings,
): void {
  if (steps !== undefined && steps < stored.steps) {
    throw new UsageError(
      'resume-conflict',
      `${out}: the run has ${stored.steps} steps, and cannot be resumed with ${steps}`,
    );
  }
  const earlier = new Map(leaves(stored));
  for (const [name, value] of leaves(given)) {
    const before = earlier.get(name);
    if (value === before) continue;
    throw new UsageError(
      'resume-conflict',
      `${out}: the run was started with ${name} ${before ?? 'not set'}, and cannot be resumed with ${value}`,
    );
  }
}

/** Flattens settings to pairs of a dotted name and a JSON value. Undefined settings are omitted. */
function leaves(settings: object, prefix = ''): [name: string, json: string][] {
  return Object.entries(settings).flatMap(([key, value]) => {
    const name = `${prefix}${key}`;
    if (value === undefined) return [];
    const isGroup = typeof value === 'object' && value !== null && GROUPS.has(name);
    return isGroup ? leaves(value, `${name}.`) : [[name, JSON.stringify(value)]];
  });
}

/** Groups whose settings are compared one by one. Other objects are compared as a whole. */
const GROUPS: ReadonlySet<string> = new Set(['optimizer', 'lora', 'guard']);

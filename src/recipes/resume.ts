import { join, resolve } from 'node:path';
import { CheckpointError, UsageError } from '../errors.ts';
import { readGuard, readManifest, readMetrics, readState, takeUp, unfinishedAt } from '../runs/index.ts';
import type { ResumeState } from './fit.ts';
import type { TrainingRecipeOptions } from './options.ts';
import type { Given, TrainingSettings } from './settings.ts';

/** An interrupted training: its settings, and the state to continue from. */
export interface Resumed<Settings> {
  readonly settings: Settings;
  readonly resume: ResumeState;
}

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
  { out, cwd = process.cwd(), onNotice }: Pick<TrainingRecipeOptions, 'out' | 'cwd' | 'onNotice'>,
  given: Given<Settings> & { readonly steps?: number },
  parse: (settings: Given<Settings>) => Settings,
): Promise<Resumed<Settings>> {
  if (out === undefined)
    throw new UsageError('invalid-argument', "resume: needs 'out', the folder of the run");
  const folder = resolve(cwd, out);
  const unfinished = await unfinishedAt(folder);
  const source = unfinished?.folder ?? folder;
  const { command: maker, options, training } = await readManifest(source);
  if (maker !== command || !training) {
    throw new UsageError(
      'nothing-to-resume',
      `${out}: created by ${maker}, so ${command} cannot resume it; choose a run created by ${command}`,
    );
  }
  const steps = Math.max(training.steps, given.steps ?? 0);
  if (training.stepsDone >= steps) {
    // The process ended after the last step, before it moved the run into place.
    if (unfinished) await takeUp(folder, unfinished);
    throw new UsageError('training-complete', `${out}: all ${training.stepsDone} steps are done`);
  }
  const stored = storedSettings(source, options as Given<Settings>, parse);
  requireSameSettings(out, given, { ...stored, steps: training.steps });
  const resume = {
    state: await readState(join(source, 'state', 'state.safetensors')),
    losses: await readMetrics(join(source, 'metrics.jsonl')),
    guard: await readGuard(join(source, 'state')),
  };
  if (unfinished) {
    await takeUp(folder, unfinished);
    onNotice?.(`note: ${out}: resuming from the last checkpoint, step ${training.stepsDone} of ${steps}`);
  }
  return { settings: { ...stored, steps }, resume };
}

function storedSettings<Settings>(
  folder: string,
  options: Given<Settings>,
  parse: (settings: Given<Settings>) => Settings,
): Settings {
  try {
    return parse(options);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw new CheckpointError('invalid-checkpoint', `${join(folder, 'run.json')}: options: ${error.message}`);
  }
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

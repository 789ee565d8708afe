import { join, resolve } from 'node:path';
import { CheckpointError, UsageError } from '../errors.ts';
import { readGuard, readManifest, readMetrics, readState, takeUp, unfinishedAt } from '../runs/index.ts';
import type { ResumeState } from './fit.ts';
import type { TrainingRecipeOptions } from './options.ts';
import type { Given, TrainingSettings } from './settings.ts';

/** A training to resume: what it trains, and where it is. */
export interface Resumed<Settings> {
  readonly settings: Settings;
  readonly resume: ResumeState;
}

/**
 * Reads the stopped or interrupted run in `out`. A run that an interrupted process left in its staging folder is moved
 * into place, once it is clear that it can be resumed.
 *
 * @param command the recipe; it must be the one that made the run
 * @param given settings to compare with the run's; `steps` may be more than the run's
 * @param parse checks the settings in run.json
 * @throws UsageError if `out` is missing, holds the run of another recipe or a complete one, or if a setting differs
 * @throws CheckpointError if the run is damaged
 */
export async function resumeRun<Settings extends TrainingSettings>(
  command: 'pretrain' | 'finetune',
  { out, cwd = process.cwd(), onNotice }: Pick<TrainingRecipeOptions, 'out' | 'cwd' | 'onNotice'>,
  given: Given<Settings> & { readonly steps?: number },
  parse: (settings: Given<Settings>) => Settings,
): Promise<Resumed<Settings>> {
  if (out === undefined) throw new UsageError('invalid-argument', 'resume: needs the folder of the run, out');
  const folder = resolve(cwd, out);
  const unfinished = await unfinishedAt(folder);
  const source = unfinished?.folder ?? folder;
  const { command: maker, options, training } = await readManifest(source);
  if (maker !== command || !training) {
    throw new UsageError(
      'nothing-to-resume',
      `${out}: was made by ${maker}, so ${command} cannot resume it; choose a run of ${command}`,
    );
  }
  const steps = Math.max(training.steps, given.steps ?? 0);
  if (training.stepsDone >= steps) {
    // The run was complete when its process ended, and only has to be moved into place.
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

/** Settings as `name.name` and JSON, without those that are undefined. */
function leaves(settings: object, prefix = ''): [name: string, json: string][] {
  return Object.entries(settings).flatMap(([key, value]) => {
    const name = `${prefix}${key}`;
    if (value === undefined) return [];
    const isGroup = typeof value === 'object' && value !== null && GROUPS.has(name);
    return isGroup ? leaves(value, `${name}.`) : [[name, JSON.stringify(value)]];
  });
}

/** Settings that are compared one by one. */
const GROUPS: ReadonlySet<string> = new Set(['optimizer', 'lora', 'guard']);

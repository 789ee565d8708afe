import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { QueueOptions } from '../queue/index.ts';
import {
  readTrial,
  runTrialsInPool,
  type TrialOutcome,
  type TrialRecord,
  type TrialSpec,
  type TrialsOptions,
  type TrialsState,
  trialFile,
  trialFolder,
  trialId,
} from '../trials/index.ts';
import type { CommonSettings, Configuration } from './grid.ts';
import { type SweepPlan, specOf } from './plan.ts';
import { type ConfigurationScore, scoreConfiguration } from './scores.ts';

/** How far a sweep, or a round of successive halving, has come. */
export interface SweepProgress {
  readonly total: number;
  readonly done: number;
  /** Of those done. */
  readonly failed: number;
  readonly running: number;
  /** Estimated from the trials of this call; undefined before the first one ends. */
  readonly remainingMs?: number;
}

/** A trial without a result. */
export interface TrialFailure {
  readonly configuration: Configuration;
  readonly seed: number;
  readonly reason: string;
}

/** What training a set of configurations led to. */
export interface Trained {
  /** Whether the signal stopped it; then there are no scores. */
  readonly stopped: boolean;
  readonly done: number;
  readonly total: number;
  /** Of the configurations with at least one result, in the given order. */
  readonly scores: readonly ConfigurationScore[];
  readonly failures: readonly TrialFailure[];
}

/** How trials are trained. */
export interface TrainerOptions extends CommonSettings {
  readonly seeds: readonly number[];
  readonly jobs?: number;
  /** Where other machines take the trials from. Default: trials are trained on this machine. */
  readonly queue?: QueueOptions;
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SweepProgress) => void;
  /** Called with one line when something delays a sweep over a queue. */
  readonly onNotice?: (message: string) => void;
}

/** A trial and its outcome. */
interface Trial {
  readonly configuration: Configuration;
  readonly seed: number;
  readonly spec: TrialSpec;
  record?: TrialRecord;
  /** Why it has no record. */
  failure?: string;
}

/** Returns a function that trains configurations with every seed, except for trials that have a record already. */
export function createTrainer(plan: SweepPlan, options: TrainerOptions) {
  const { seeds, targetLabels, signal } = options;
  const { out } = plan.setup;
  return async (configurations: readonly Configuration[]): Promise<Trained> => {
    const trials: Trial[] = configurations.flatMap((configuration) =>
      seeds.map((seed) => ({ configuration, seed, spec: specOf(plan, configuration, seed, options) })),
    );
    for (const trial of trials) trial.record = await existingRecord(out, trialId(trial.spec));
    const missing = trials.filter(({ record }) => !record);
    const follow = progressOf(trials, missing, options);
    const specs = missing.map(({ spec }) => spec);
    const outcomes = await runTrials(specs, plan, options, { signal, onChange: follow });
    for (const [position, trial] of missing.entries()) {
      const outcome = outcomes[position];
      if (outcome && 'record' in outcome) trial.record = outcome.record;
      else trial.failure = outcome?.failure;
    }
    const failures = trials.flatMap(({ configuration, seed, record, failure = record?.reason }) =>
      failure === undefined ? [] : [{ configuration, seed, reason: failure }],
    );
    const done = trials.filter(({ record, failure }) => record ?? failure).length;
    const stopped = signal?.aborted === true && done < trials.length;
    const scores = configurations.flatMap((configuration) => {
      const records = trials
        .filter((trial) => trial.configuration === configuration)
        .map(({ record }) => record);
      return scoreConfiguration(configuration, records, targetLabels) ?? [];
    });
    return { stopped, done, total: trials.length, scores, failures };
  };
}

async function runTrials(
  specs: readonly TrialSpec[],
  { setup, base }: SweepPlan,
  { jobs = availableParallelism(), queue, onNotice }: TrainerOptions,
  options: TrialsOptions,
): Promise<(TrialOutcome | undefined)[]> {
  if (!queue) return await runTrialsInPool(specs, setup, { ...options, jobs });
  if (specs.length === 0) return [];
  const { runTrialsInQueue } = await import('../queue/index.ts');
  return await runTrialsInQueue(specs, { setup, base }, { ...options, queue, onNotice });
}

/** The record of a trial that is trained already and has its run. */
async function existingRecord(out: string, id: string): Promise<TrialRecord | undefined> {
  const file = trialFile(out, id);
  if (!existsSync(file) || !existsSync(join(trialFolder(out, id), 'run.json'))) return undefined;
  return await readTrial(file);
}

/** Turns the state of the pool, which knows the missing trials only, into the progress of all trials. */
function progressOf(
  trials: readonly Trial[],
  missing: readonly Trial[],
  { onProgress }: TrainerOptions,
): (state: TrialsState) => void {
  const earlier = trials.length - missing.length;
  const earlierFailed = trials.filter(({ record }) => record?.status === 'failed').length;
  const startedMs = performance.now();
  return ({ done, failed, running }) => {
    const progressed = done + running.reduce((sum, fraction) => sum + fraction, 0);
    const elapsedMs = performance.now() - startedMs;
    onProgress?.({
      total: trials.length,
      done: earlier + done,
      failed: earlierFailed + failed,
      running: running.length,
      ...(done > 0 && { remainingMs: (elapsedMs / progressed) * (missing.length - progressed) }),
    });
  };
}

import { join } from 'node:path';
import { requireClasses } from '../data/index.ts';
import { CheckpointError, TrainingError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors } from '../files/index.ts';
import type { QueueOptions } from '../queue/index.ts';
import { finetuneSettings } from '../recipes/index.ts';
import { checkLayers } from './check-layers.ts';
import { type Configuration, configurationsOf, type Grid, gridSize, requireGrid } from './grid.ts';
import { halvingRounds, type Round, stepsForHalving, survivors } from './halving.ts';
import { type PlanOptions, planSweep } from './plan.ts';
import { recommend } from './recommend.ts';
import { type SweepReport, sweepReport, writeSweepReport } from './report/index.ts';
import type { ConfigurationScore } from './scores.ts';
import { scoresOnTestSet } from './test-scores.ts';
import { createTrainer, type SweepProgress, type TrialFailure } from './trainer.ts';

/** Options of `sweep`. */
export interface SweepOptions extends Omit<PlanOptions, 'heldOut' | 'isQueued'> {
  /** Folder of the run with the base model. */
  readonly run: string;
  /** Folder of the sweep. Trials that it has already are not trained again. */
  readonly out: string;
  /** Values to combine. */
  readonly grid: Grid;
  /** Seeds of each configuration. Default: 0 to 4. */
  readonly seeds?: readonly number[];
  /** Labels to fine-tune on. Default: all. */
  readonly targetLabels?: readonly number[];
  /**
   * The most accuracy that any single other class may lose, a fraction: the budget of the forgetting guard in each trial, and
   * of the recommendation. Default: no guard and no budget.
   */
  readonly maxDrop?: number;
  /** Draw configurations at random, so that there are at most this many trials. Default: all. */
  readonly trials?: number;
  /** Seed of that draw. Default 0. */
  readonly sampleSeed?: number;
  /** Drop the worse half of the configurations in rounds of doubled steps. */
  readonly halving?: boolean;
  /** Allow more than `MAX_TRIALS` trials. */
  readonly allowMany?: boolean;
  /** Fraction of the training set that trials are evaluated on, 0.01 to 0.5. Default 0.1. */
  readonly heldOut?: number;
  /** Worker processes, each with one thread. Default: the number of cores. */
  readonly jobs?: number;
  /**
   * A queue from which workers on other machines take the trials, see `runWorker`. Default: trials are trained on this
   * machine.
   */
  readonly queue?: QueueOptions;
  /** Stops the sweep; trials in progress are saved. Workers of a queue continue, and the same call collects results. */
  readonly signal?: AbortSignal;
  readonly onProgress?: (progress: SweepProgress) => void;
  /** Called with one line when the connection to the queue is lost or back, or a worker refuses the sweep. */
  readonly onNotice?: (message: string) => void;
}

/** A sweep that ended, or was stopped. */
export type SweepResult =
  | { readonly status: 'complete'; readonly report: SweepReport }
  /** `done` trials of `total` are trained; the same call continues. */
  | { readonly status: 'stopped'; readonly done: number; readonly total: number };

/** More trials than this need `allowMany`. */
export const MAX_TRIALS = 10_000;

const DEFAULT_SEEDS = [0, 1, 2, 3, 4];

/**
 * Fine-tunes with every combination of some settings and every seed, and recommends a combination.
 *
 * Trials are evaluated on images held out of the training set. The test set is used once, for the best and for the
 * recommended configuration. Writes `sweep.json`, `sweep.md` and `sweep.html` to `out`.
 *
 * @throws UsageError if an option is invalid or the grid is too large
 * @throws CheckpointError if the base or a trial's record cannot be read, or files cannot be written
 * @throws DataError if the images cannot be loaded
 * @throws TrainingError if every trial failed
 * @throws TensorFlowError if the device is not available
 * @throws QueueError if the queue cannot be reached or used, or the sweep was cancelled
 *
 * @example
 * const result = await sweep({
 *   run: 'runs/base',
 *   targetLabels: [2, 3, 5, 8, 9],
 *   grid: { rank: [1, 2, 4, 8], replay: [0, 0.5] },
 *   out: 'runs/ranks',
 * });
 * if (result.status === 'complete') console.log(result.report.recommended);
 */
export async function sweep(options: SweepOptions): Promise<SweepResult> {
  const { seeds = DEFAULT_SEEDS, targetLabels = [], maxDrop, heldOut = 0.1 } = options;
  requireOptions({ ...options, seeds, heldOut });
  const configurations = chooseConfigurations(options, seeds.length);
  const rounds = options.halving ? roundsOf(configurations) : [];
  const plan = await planSweep({ ...options, heldOut, isQueued: options.queue !== undefined });
  requireClasses(targetLabels, plan.base.classNames.length);
  await checkLayers(plan.setup.run, options.grid);
  const folder = join(plan.setup.out, 'trials');
  await withFileErrors(CheckpointError, folder, 'created', () => ensureDir(folder));

  // Train
  const train = createTrainer(plan, { ...options, seeds, targetLabels });
  let trained = await train(withSteps(configurations, rounds[0]));
  for (const round of rounds.slice(1)) {
    if (trained.stopped) break;
    const best = survivors(trained.scores, { keep: round.configurations, maxDrop });
    trained = await train(withSteps(best, round));
  }
  if (trained.stopped) return { status: 'stopped', done: trained.done, total: trained.total };
  const { scores, failures } = trained;
  requireScores(scores, failures);

  // Choose
  const recommendation = recommend(scores, { targetLabels, maxDrop });

  // Test
  const chosen = recommendation ? [recommendation.recommended, recommendation.best] : [];
  const test = await scoresOnTestSet(
    plan,
    chosen.map((index) => scores[index]!),
    targetLabels,
  );

  // Report
  const report = sweepReport(plan, {
    options: { ...options, seeds, targetLabels },
    rounds,
    scores,
    recommendation,
    test,
    failures,
  });
  await writeSweepReport(plan.setup.out, report);
  return { status: 'complete', report };
}

function requireOptions({
  grid,
  seeds,
  trials,
  jobs,
  queue,
  heldOut,
}: Pick<SweepOptions, 'grid' | 'trials' | 'jobs' | 'queue'> & {
  readonly seeds: readonly number[];
  readonly heldOut: number;
}): void {
  const invalid = (problem: string) => new UsageError('invalid-argument', problem);
  requireGrid(grid);
  if (seeds.length === 0) throw invalid('seeds: the list is empty; give at least one');
  if (new Set(seeds).size < seeds.length) throw invalid(`seeds: ${seeds.join(', ')}: one is listed twice`);
  for (const [name, value] of Object.entries({ trials, jobs })) {
    if (value !== undefined && !(Number.isSafeInteger(value) && value >= 1)) {
      throw invalid(`${name} ${value}: must be a whole number of at least 1`);
    }
  }
  if (queue && jobs !== undefined) {
    throw invalid(`jobs ${jobs}: trials of a queue are trained by workers; set it for each worker`);
  }
  if (!(heldOut >= 0.01 && heldOut <= 0.5)) throw invalid(`heldOut ${heldOut}: must be from 0.01 to 0.5`);
}

function chooseConfigurations(
  { grid, trials, sampleSeed = 0, allowMany }: SweepOptions,
  seeds: number,
): Configuration[] {
  const size = gridSize(grid);
  if (trials === undefined) {
    if (size * seeds > MAX_TRIALS && !allowMany) {
      throw new UsageError(
        'too-many-trials',
        `grid: ${size} combinations with ${seeds} seeds are ${size * seeds} trials, more than ${MAX_TRIALS}; ` +
          'draw some of them or allow that many',
      );
    }
    return configurationsOf(grid);
  }
  if (trials < seeds) {
    throw new UsageError(
      'invalid-argument',
      `trials ${trials}: fewer than the ${seeds} seeds of one configuration; raise it or give fewer seeds`,
    );
  }
  return configurationsOf(grid, { count: Math.floor(trials / seeds), seed: sampleSeed });
}

function roundsOf(configurations: readonly Configuration[]): Round[] {
  const defaults = finetuneSettings({});
  return halvingRounds(configurations.length, stepsForHalving(configurations, defaults.steps));
}

function withSteps(
  configurations: readonly Configuration[],
  round: Round | undefined,
): readonly Configuration[] {
  return round
    ? configurations.map((configuration) => ({ ...configuration, steps: round.steps }))
    : configurations;
}

function requireScores(scores: readonly ConfigurationScore[], failures: readonly TrialFailure[]): void {
  if (scores.length > 0) return;
  const [first] = failures;
  throw new TrainingError(
    'training-failed',
    `all ${failures.length} trials failed; the first: ${first?.reason}`,
  );
}

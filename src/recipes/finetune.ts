import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { type ImageDataset, requireClasses, type Sampler } from '../data/index.ts';
import { CheckpointError, type TrainingError, UsageError } from '../errors.ts';
import { checkGates, type Gates, validateGates } from '../gates/index.ts';
import { createEvaluator, type Evaluator } from '../inference/index.ts';
import {
  disableAdapters,
  enableAdapters,
  type LoraConfig,
  type LoraSummary,
  loraSummary,
  unloadLora,
} from '../lora/index.ts';
import { type Comparison, compareEvaluations, type Evaluation } from '../metrics/index.ts';
import type { Mnist } from '../mnist-data-loader/index.ts';
import type { Report } from '../report/index.ts';
import { type RunManifest, type RunWriter, saveCheckpoint } from '../runs/index.ts';
import { classificationTask, type TrainingTask } from '../training/index.ts';
import { recordAccuracies } from './accuracy-events.ts';
import { adaptedModel, evaBatch, gradientInitLoss } from './adapter.ts';
import { dataOptionsFor, loadData } from './data.ts';
import { type FinetuneJob, finetuneContent, finetuneReport } from './finetune-run.ts';
import { openFinished } from './finished.ts';
import { type FitResult, type FitState, fitTask } from './fit.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkPathOr, checkRecipeOptions, TRAINING, type TrainingRecipeOptions } from './options.ts';
import { testLossFailure } from './pretrain.ts';
import { type Resumed, resumeRun, trainingDataHash } from './resume.ts';
import { openSource, type RunSource } from './run-source.ts';
import { targetSampler } from './sampler.ts';
import { keepTraining, saveTrainedRun, withRunWriter } from './save.ts';
import { type Scope, withScope } from './scope.ts';
import {
  type FinetuneSettings,
  finetuneSettings,
  type Given,
  type GuardSettings,
  optimizerConfig,
} from './settings.ts';
import { createValidation, splitForValidation, type Validation } from './validation.ts';

/** Options of `finetune`. */
export interface FinetuneOptions extends TrainingRecipeOptions {
  /** The run to fine-tune. A base model gets a new adapter; an existing adapter is trained further. */
  readonly run: RunSource;
  /** Labels to train on. Default: all. */
  readonly targetLabels?: readonly number[];
  /**
   * Configuration of the new adapter. Default: rank 8 on all layers, alpha = rank. If the run has an adapter already, only
   * the values that `run.json` records of it are accepted.
   */
  readonly lora?: LoraConfig;
  /** Optimizer steps. Default 200. */
  readonly steps?: number;
  /** Fraction of each batch drawn from the other classes, 0 to 0.9, to prevent forgetting. Default 0. */
  readonly replay?: number;
  /**
   * Forgetting guard: evaluates on validation images during training, and restores the best state in which no other class
   * lost more than `maxDrop`. Default: no guard.
   */
  readonly guard?: Pick<GuardSettings, 'maxDrop'> & Partial<GuardSettings>;
  /**
   * After training, choose the adapter strength with the most gain within a budget: the given `maxDrop`, else the guard's,
   * else 0.01 (one point).
   */
  readonly searchStrength?: FinetuneSettings['searchStrength'];
  /** Fraction of the training set held out for the guard and the strength search, 0.001 to 0.9. Default 0.1. */
  readonly validation?: number;
  /** Limits that the results are checked against; see `report.gates`. */
  readonly gates?: Gates;
  /** Called once the adapter is in place, before training. */
  readonly onAdapted?: (summary: LoraSummary) => void;
}

/** The fine-tuned model, its results and its folder. */
export interface FinetuneResult {
  /**
   * `stopped`: `signal` was aborted. `failed`: see `failure`; the model has the last weights whose training loss was
   * finite.
   */
  readonly status: 'complete' | 'stopped' | 'failed';
  /** Why training failed. */
  readonly failure?: TrainingError;
  /** The run's folder, if `out` was set. */
  readonly folder?: string;
  readonly manifest: RunManifest;
  /** The adapted model at its strength: [batch, pixels] float32 -> logits [batch, classes] float32. */
  readonly model: tf.LayersModel;
  /** The plain model without the adapter. */
  readonly base: tf.LayersModel;
  /** The training loss of each step. */
  readonly losses: Float32Array;
  /** Results on the test set with the adapter off. */
  readonly before: Evaluation;
  /** Results on the test set with the adapter on. */
  readonly after: Evaluation;
  /** The test images, in the order of the predictions. */
  readonly images: ImageDataset;
  /** Changes from `before` to `after` per class, with significance. */
  readonly comparison: Comparison;
  readonly report: Report;
  /** Frees both models. */
  dispose(): void;
}

/**
 * Trains an adapter on the target labels, and evaluates the model on the test set with the adapter off and on.
 *
 * If training fails or a gate fails, the result still describes it: see `failure` and `report.gates`.
 *
 * @throws UsageError if an option is invalid, or `out` exists already
 * @throws DataError if the images cannot be loaded, or no training image has a target label
 * @throws CheckpointError if a run cannot be read or written
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const tuned = await finetune({
 *   run: 'runs/base',
 *   targetLabels: [2, 3, 5, 8, 9],
 *   lora: { rank: 2, alpha: 1 },
 *   out: 'runs/tuned',
 * });
 * for (const { className, gain } of tuned.comparison.classes) console.log(className, gain);
 * tuned.dispose();
 */
export async function finetune(given: FinetuneOptions): Promise<FinetuneResult> {
  checkRecipeOptions(given, { ...TRAINING, gates: 'object?', onAdapted: 'function?' });
  checkPathOr('run', given.run, 'the folder of a run, or a run in memory', {
    manifest: 'object',
    base: 'object',
    model: 'object',
  });
  rejectUnusedOptions(given);
  const training = await prepareTraining(given);
  const options = { ...given, ...training.environment };
  if (training.isFinished) return await finishedFinetune(options, training.settings);
  return await withRunWriter(options, (writer) =>
    withScope((scope) => trainAdapter(options, training, { writer, scope })),
  );
}

async function trainAdapter(
  options: FinetuneOptions,
  training: PreparedTraining,
  { writer, scope }: { readonly writer: RunWriter | undefined; readonly scope: Scope },
): Promise<FinetuneResult> {
  const task = await prepareTask(options, training, scope);
  const { settings, source, validation } = task;
  const checkpoint = (state: FitState) => finetuneContent(task, state, { base: source.base, strength: 1 });
  const fitted = await fitTask({
    ...options,
    task: task.taskFor(task.model),
    sampler: task.sampler,
    steps: settings.steps,
    resume: training.resume,
    guard: settings.guard && validation?.guard,
    saveCheckpoint: writer && ((state) => saveCheckpoint(writer, checkpoint(state))),
  });
  return await keepTraining(
    writer,
    () => checkpoint(fitted.resumable),
    () => finishTraining(task, fitted, { writer, scope }),
  );
}

/** What a fine-tuning needs to train, and the results before it. */
interface FinetuneTask extends FinetuneJob {
  readonly options: FinetuneOptions;
  readonly mnist: Mnist;
  readonly sampler: Sampler;
  readonly taskFor: (model: tf.LayersModel) => TrainingTask;
  readonly evaluator: Evaluator;
  readonly before: Evaluation;
  readonly validation: Validation | undefined;
}

/** Loads the run and the data, adds the adapter and evaluates the model without it. */
async function prepareTask(
  options: FinetuneOptions,
  { settings, resume }: PreparedTraining,
  scope: Scope,
): Promise<FinetuneTask> {
  const { targetLabels, steps, batchSize, seed } = settings;
  const tensorflow = await loadRecipeTensorFlow(options, steps * batchSize);
  const source = await openSource(options, scope);
  const { normalization, classNames } = source.manifest;
  validateGates(options.gates ?? {}, { classNames, hasBaseline: true });
  requireClasses(targetLabels, classNames.length);
  const dataOptions = dataOptionsFor(options, source.manifest);
  const mnist = await loadData(dataOptions);
  const { train, test } = mnist;
  const dataHash = trainingDataHash(train, resume);
  const split = splitForValidation(train, settings);
  const sampler = targetSampler(train, split.train, settings, tensorflow, scope);
  const optimizer = optimizerConfig(settings);
  const taskFor = (model: tf.LayersModel) =>
    classificationTask({ model, dataset: train, normalization, batchSize, optimizer, seed });
  const lora = resume ? {} : settings.lora;
  const loss = gradientInitLoss(sampler, taskFor);
  const onWarning = (message: string) => options.onNotice?.(`warning: ${message}`);
  const batches =
    lora.init === 'eva'
      ? [scope.temporary(evaBatch(sampler, taskFor(source.base), normalization))]
      : undefined;
  const model = scope.result(adaptedModel(source, lora, { loss, batches, onWarning }));
  options.onAdapted?.(loraSummary(model));
  const evaluator = scope.temporary(createEvaluator(model, { normalization, classNames }));
  const before = evaluateWithoutAdapter(model, evaluator, test);
  const validation =
    split.validation &&
    createValidation(model, evaluator, { train, rows: split.validation, sampler }, settings);
  return {
    options: dataOptions,
    settings,
    tensorflow,
    source,
    dataHash,
    model,
    mnist,
    sampler,
    taskFor,
    evaluator,
    before,
    validation,
  };
}

/** Chooses the strength, evaluates the model with the adapter and saves the run. */
async function finishTraining(
  task: FinetuneTask,
  fitted: FitResult,
  { writer, scope }: { readonly writer: RunWriter | undefined; readonly scope: Scope },
): Promise<FinetuneResult> {
  const { options, settings, source, model, mnist, evaluator, before, validation } = task;
  const { targetLabels } = settings;
  const images = mnist.test;
  const search = settings.searchStrength ? validation?.searchStrength() : undefined;
  const after = evaluator.evaluate(images);
  const base = scope.result(unloadLora(model));
  requireUnchanged(base, source.manifest.contentHash);
  const content = finetuneContent(task, fitted, { base, strength: search?.strength ?? 1 });
  const { manifest } = content;
  const report = finetuneReport(task, { manifest, mnist, before, after, fitted, validation, search });
  const folder = writer && (await saveTrainedRun(writer, content, report));
  await recordAccuracies(options, [
    { step: 0, evaluation: before },
    { step: fitted.state.step, evaluation: after },
  ]);
  const failure = fitted.failure ?? testLossFailure(after);
  return {
    status: failure ? 'failed' : manifest.status,
    failure,
    folder,
    manifest,
    model,
    base,
    losses: fitted.losses,
    before,
    after,
    images,
    comparison: compareEvaluations(before, after, { targetLabels }),
    report,
    dispose: () => {
      model.dispose();
      base.dispose();
    },
  };
}

/** The result of a run that is complete in `out`, as if it had just been trained. */
async function finishedFinetune(
  options: FinetuneOptions,
  { targetLabels }: FinetuneSettings,
): Promise<FinetuneResult> {
  return await withScope(async (scope) => {
    const { run, report: stored, images } = await openFinished(options, scope);
    const { folder, manifest, base, model } = run;
    const { evaluation: after, baseline: before = after, training } = stored;
    const { gates = {} } = options;
    validateGates(gates, { classNames: manifest.classNames, hasBaseline: true });
    const report = {
      ...stored,
      gates: checkGates({ evaluation: after, baseline: before, targetLabels }, gates),
    };
    options.onAdapted?.(loraSummary(model));
    await recordAccuracies(options, [
      { step: 0, evaluation: before },
      { step: manifest.training!.stepsDone, evaluation: after },
    ]);
    const failure = testLossFailure(after);
    return {
      status: failure ? 'failed' : 'complete',
      failure,
      folder,
      manifest,
      model,
      base,
      losses: training!.losses,
      before,
      after,
      images,
      comparison: compareEvaluations(before, after, { targetLabels }),
      report,
      dispose: () => {
        model.dispose();
        base.dispose();
      },
    };
  });
}

/** Validated settings, and the state to continue from if the run is resumed. */
type PreparedTraining = Pick<Resumed<FinetuneSettings>, 'settings'> & Partial<Resumed<FinetuneSettings>>;

async function prepareTraining(options: FinetuneOptions): Promise<PreparedTraining> {
  const { steps, batchSize, seed, optimizer, targetLabels, lora } = options;
  const { replay, guard, searchStrength, validation } = options;
  const given: Given<FinetuneSettings> = {
    steps,
    batchSize,
    seed,
    optimizer,
    targetLabels,
    lora,
    replay,
    guard,
    searchStrength,
    validation,
  };
  if (options.resume) return await resumeRun('finetune', options, given, finetuneSettings);
  const settings = finetuneSettings(given);
  return { settings: { ...settings, lora: { seed: settings.seed, ...settings.lora } } };
}

/** Rejects options that would have no effect. */
function rejectUnusedOptions({ validation, guard, searchStrength, resume }: FinetuneOptions): void {
  if (resume || validation === undefined || guard || searchStrength) return;
  throw new UsageError(
    'validation-unused',
    `validation ${validation}: neither a guard nor a strength search uses the validation images`,
  );
}

function evaluateWithoutAdapter(model: tf.LayersModel, evaluator: Evaluator, test: ImageDataset): Evaluation {
  disableAdapters(model);
  const evaluation = evaluator.evaluate(test);
  enableAdapters(model);
  return evaluation;
}

/** Checks that training the adapter did not change the base. A mismatch is a bug, or the caller changed the base. */
function requireUnchanged(base: tf.LayersModel, expected: string): void {
  const hash = contentHash(base);
  if (hash === expected) return;
  throw new CheckpointError(
    'invalid-checkpoint',
    `base model: content hash is ${hash}, but the run has ${expected}; the weights of the base were changed`,
  );
}

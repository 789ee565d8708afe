import { resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { type ImageDataset, requireClasses } from '../data/index.ts';
import { CheckpointError, type TrainingError, UsageError } from '../errors.ts';
import { type Gates, validateGates } from '../gates/index.ts';
import { createEvaluator } from '../inference/index.ts';
import {
  disableAdapters,
  enableAdapters,
  type LoraConfig,
  type LoraSummary,
  loraSummary,
  resolveLoraConfig,
  unmergeLora,
} from '../lora/index.ts';
import { type Comparison, compareEvaluations, type Evaluation } from '../metrics/index.ts';
import { cloneModel } from '../models/index.ts';
import type { Report } from '../report/index.ts';
import {
  openRun,
  type Run,
  type RunContent,
  type RunManifest,
  readManifest,
  saveCheckpoint,
} from '../runs/index.ts';
import type { LoadedTensorFlow } from '../tensorflow/index.ts';
import { classificationTask } from '../training/index.ts';
import { recordAccuracies } from './accuracy-events.ts';
import { adaptedModel, gradientInitLoss } from './adapter.ts';
import { loadData } from './data.ts';
import { finetuneReport } from './finetune-report.ts';
import { type FitState, fitTask } from './fit.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import type { TrainingRecipeOptions } from './options.ts';
import { testLossFailure } from './pretrain.ts';
import { type Resumed, resumeRun } from './resume.ts';
import { targetSampler } from './sampler.ts';
import { manifestHeader, saveTrainedRun, withRunWriter } from './save.ts';
import { type Scope, withScope } from './scope.ts';
import {
  type FinetuneSettings,
  finetuneSettings,
  type Given,
  type GuardSettings,
  optimizerConfig,
  recordedOptions,
} from './settings.ts';
import { createValidation, splitForValidation } from './validation.ts';

/** A run in a folder, or one in memory: the result of another recipe, or `openRun`. Runs in memory are not changed. */
export type RunSource = string | Pick<Run, 'manifest' | 'base' | 'model'>;

/** Options of `finetune`. */
export interface FinetuneOptions extends TrainingRecipeOptions {
  /** What to adapt: a base gets a new adapter, the adapter of an adapted run is trained further. */
  readonly run: RunSource;
  /** Labels to train on. Default: all. */
  readonly targetLabels?: readonly number[];
  /** The new adapter. Default: rank 8 on all layers, alpha = rank. For an adapted run, options that must be the same. */
  readonly lora?: LoraConfig;
  /** Optimizer steps. Default 200. */
  readonly steps?: number;
  /** Share of each batch drawn from the other classes, 0 to 0.9, so that they are not forgotten. Default 0. */
  readonly replay?: number;
  /** Return to the best state in which no other class lost more than allowed, measured on validation images. */
  readonly guard?: Pick<GuardSettings, 'maxDrop'> & Partial<GuardSettings>;
  /** After training, choose the adapter strength with the most gain within the guard's budget, or 1 point without one. */
  readonly searchStrength?: boolean;
  /** Share of the training set held out for the guard and the strength search, 0.001 to 0.9. Default 0.1. */
  readonly validation?: number;
  /** Limits that the results are checked against; see `report.gates`. */
  readonly gates?: Gates;
  /** Called once the adapter is in place, before training. */
  readonly onAdapted?: (summary: LoraSummary) => void;
}

/** The tuned model, its results and where it was saved. */
export interface FinetuneResult {
  /** `stopped` by the signal, or `failed`: then the model has the last weights whose loss was finite. */
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
  /** The loss of each step. */
  readonly losses: Float32Array;
  /** Results on the test set with the adapter off. */
  readonly before: Evaluation;
  /** Results on the test set with the adapter on. */
  readonly after: Evaluation;
  /** The test images, in the order of the predictions. */
  readonly images: ImageDataset;
  /** What changed, per class, with significance. */
  readonly comparison: Comparison;
  readonly report: Report;
  /** Frees both models. */
  dispose(): void;
}

/**
 * Trains an adapter on chosen classes, and evaluates the model with the adapter off and on.
 *
 * @throws UsageError if an option is invalid, or the folder is taken
 * @throws DataError if the images cannot be loaded, or none has a target label
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
export async function finetune(options: FinetuneOptions): Promise<FinetuneResult> {
  requireUse(options);
  const { settings, resume } = await settle(options);
  const { targetLabels, steps, batchSize, seed } = settings;
  return await withRunWriter(options, (writer) =>
    withScope(async (scope) => {
      const { gates = {} } = options;
      const tensorflow = await loadRecipeTensorFlow(options, steps * batchSize);
      const source = await openSource(options, scope);
      const { normalization, classNames } = source.manifest;
      validateGates(gates, { classNames, compared: true });
      requireClasses(targetLabels, classNames.length);

      // Data
      const mnist = await loadData(options);
      const { train, test } = mnist;
      const split = splitForValidation(train, settings);
      const sampler = targetSampler(train, split.train, settings);

      // Model
      const optimizer = optimizerConfig(settings);
      const taskFor = (model: tf.LayersModel) =>
        classificationTask({ model, dataset: train, normalization, batchSize, optimizer, seed });
      const lora = resume ? {} : settings.lora;
      const model = scope.result(adaptedModel(source, lora, gradientInitLoss(sampler, taskFor)));
      options.onAdapted?.(loraSummary(model));

      // Evaluate the base
      const evaluator = scope.temporary(createEvaluator(model, { normalization, classNames }));
      disableAdapters(model);
      const before = evaluator.evaluate(test);
      enableAdapters(model);
      const validation =
        split.validation && createValidation(model, evaluator, { train, rows: split.validation }, settings);

      // Train
      const job: Job = { options, settings, tensorflow, source, model };
      const fitted = await fitTask({
        ...options,
        task: taskFor(model),
        sampler,
        steps,
        resume,
        guard: settings.guard &&
          validation && { ...validation.guard, ...('update' in sampler && { replay: sampler }) },
        saveCheckpoint:
          writer &&
          ((state) => saveCheckpoint(writer, runContent(job, state, { base: source.base, strength: 1 }))),
      });
      const search = settings.searchStrength ? validation?.searchStrength() : undefined;

      // Compare
      const after = evaluator.evaluate(test);
      await recordAccuracies(options, [
        { step: 0, evaluation: before },
        { step: fitted.state.step, evaluation: after },
      ]);

      // Save
      const base = scope.result(unmergeLora(model));
      requireUnchanged(base, source.manifest.contentHash);
      const content = runContent(job, fitted, { base, strength: search?.strength ?? 1 });
      const report = finetuneReport({
        ...{ options, settings, mnist, model, before, after, fitted, validation, search },
        manifest: content.manifest,
      });
      const folder = writer && (await saveTrainedRun(writer, content, report));
      const failure = fitted.failure ?? testLossFailure(after);
      return {
        status: failure ? 'failed' : content.manifest.status,
        failure,
        folder,
        manifest: content.manifest,
        model,
        base,
        losses: fitted.losses,
        before,
        after,
        images: test,
        comparison: compareEvaluations(before, after, { targetLabels }),
        report,
        dispose: () => {
          model.dispose();
          base.dispose();
        },
      };
    }),
  );
}

/** The settings of a new or resumed training. */
async function settle(
  options: FinetuneOptions,
): Promise<Pick<Resumed<FinetuneSettings>, 'settings'> & Partial<Resumed<FinetuneSettings>>> {
  const { steps, batchSize, seed, optimizer, targetLabels, lora, replay, guard, searchStrength, validation } =
    options;
  const given: Given<FinetuneSettings> = {
    ...{ steps, batchSize, seed, optimizer, targetLabels, replay, guard, searchStrength, validation },
    lora,
  };
  if (options.resume) return await resumeRun('finetune', options, given, finetuneSettings);
  const settings = finetuneSettings(given);
  return { settings: { ...settings, lora: { seed: settings.seed, ...settings.lora } } };
}

/** Rejects options that would have no effect. */
function requireUse({ validation, guard, searchStrength, resume }: FinetuneOptions): void {
  if (resume || validation === undefined || guard || searchStrength) return;
  throw new UsageError(
    'validation-unused',
    `validation ${validation}: neither a guard nor a strength search uses the validation images`,
  );
}

/** Opens the run to adapt: the run itself when resuming, which must be of the same base. */
async function openSource(
  { run, out, resume, cwd = process.cwd() }: FinetuneOptions,
  scope: Scope,
): Promise<Pick<Run, 'manifest' | 'base' | 'model'>> {
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

/** What the manifest is made from. */
interface Job {
  readonly options: FinetuneOptions;
  readonly settings: FinetuneSettings;
  readonly tensorflow: LoadedTensorFlow;
  readonly source: Pick<Run, 'manifest'>;
  readonly model: tf.LayersModel;
}

function runContent(
  { options, settings, tensorflow, source, model }: Job,
  { engine, status, state, losses, history, elapsedMs }: FitState,
  { base, strength }: { readonly base: tf.LayersModel; readonly strength: number },
): RunContent {
  const { run, cwd = process.cwd() } = options;
  const { seed, batchSize, steps, targetLabels, lora } = settings;
  const { contentHash: baseHash, classNames, normalization, adapter } = source.manifest;
  const { method, rank, alpha } = adapter ?? resolveLoraConfig(lora);
  return {
    manifest: {
      ...manifestHeader('finetune', tensorflow),
      status: status === 'stopped' ? 'stopped' : 'complete',
      options: recordedOptions(settings, options),
      seed,
      contentHash: baseHash,
      classNames,
      normalization,
      ...(typeof run === 'string' && { derivedFrom: { folder: resolve(cwd, run), contentHash: baseHash } }),
      adapter: { method, rank, alpha, strength },
      training: {
        engine,
        device: tensorflow.device,
        batchSize,
        steps,
        stepsDone: state.step,
        elapsedMs,
        ...(targetLabels.length > 0 && { targetLabels: [...targetLabels] }),
      },
    },
    base,
    adapted: model,
    state,
    guard: status === 'stopped' ? history : undefined,
    losses,
  };
}

/** Training an adapter must not change the base: if it did, that is a bug. */
function requireUnchanged(base: tf.LayersModel, expected: string): void {
  const hash = contentHash(base);
  if (hash === expected) return;
  throw new CheckpointError('invalid-checkpoint', `the base model changed from ${expected} to ${hash}`);
}

import { resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import type { ImageAdjustment } from '../data/index.ts';
import { checkGates, type Gates } from '../gates/index.ts';
import { loraLayers, resolveLoraConfig, updateSpectrum, weightPath } from '../lora/index.ts';
import type { Evaluation } from '../metrics/index.ts';
import type { Mnist } from '../mnist-data-loader/index.ts';
import type { ForgettingGuard, LayerRank, Report, ValidationCurve } from '../report/index.ts';
import type { RunContent, RunManifest } from '../runs/index.ts';
import type { LoadedTensorFlow } from '../tensorflow/index.ts';
import type { StrengthSearch } from '../training/index.ts';
import { testSetName } from './data.ts';
import type { FitResult, FitState } from './fit.ts';
import { type Environment, recordedOptions } from './recorded-options.ts';
import type { RunInMemory, RunSource } from './run-source.ts';
import { manifestHeader } from './save.ts';
import type { FinetuneSettings } from './settings.ts';
import type { Validation } from './validation.ts';

/** A fine-tuning, known before it trains. */
export interface FinetuneJob {
  readonly options: Environment & {
    readonly run: RunSource;
    readonly cwd?: string;
    readonly overwrite?: boolean;
    readonly resume?: boolean;
    readonly gates?: Gates;
    readonly adjust?: readonly ImageAdjustment[];
  };
  readonly settings: FinetuneSettings;
  readonly tensorflow: LoadedTensorFlow;
  readonly source: RunInMemory;
  /** Of the training set. */
  readonly dataHash: string;
  /** The adapted model. */
  readonly model: tf.LayersModel;
}

/** The results of a fine-tuning. */
interface Outcome {
  readonly manifest: RunManifest;
  readonly mnist: Mnist;
  readonly before: Evaluation;
  readonly after: Evaluation;
  readonly fitted: FitResult;
  readonly validation: Validation | undefined;
  readonly search: StrengthSearch | undefined;
}

/**
 * What the run folder of a fine-tuning contains, finished or at a checkpoint.
 *
 * @param saved the base without the adapter, and the adapter's strength
 */
export function finetuneContent(
  { options, settings, tensorflow, source, dataHash, model }: FinetuneJob,
  { engine, status, state, losses, history, elapsedMs }: FitState,
  saved: { readonly base: tf.LayersModel; readonly strength: number },
): RunContent {
  const { cwd = process.cwd() } = options;
  const { seed, batchSize, steps, targetLabels, lora } = settings;
  const { contentHash, classNames, normalization, adapter } = source.manifest;
  const { method, rank, alpha } = adapter ?? resolveLoraConfig(lora);
  const folder = typeof options.run === 'string' ? options.run : options.run.folder;
  return {
    manifest: {
      ...manifestHeader('finetune', tensorflow),
      status: status === 'stopped' ? 'stopped' : 'complete',
      options: recordedOptions(settings, options),
      seed,
      contentHash,
      classNames,
      normalization,
      adjust: options.adjust && [...options.adjust],
      ...(folder !== undefined && { derivedFrom: { folder: resolve(cwd, folder), contentHash } }),
      adapter: { method, rank, alpha, strength: saved.strength },
      training: {
        engine,
        device: tensorflow.device,
        batchSize,
        steps,
        stepsDone: state.step,
        elapsedMs,
        dataHash,
        ...(targetLabels.length > 0 && { targetLabels: [...targetLabels] }),
      },
    },
    base: saved.base,
    adapted: model,
    state,
    guard: status === 'stopped' ? history : undefined,
    losses,
  };
}

/** The report of a fine-tuning: adapter off against adapter on, and what was done against forgetting. */
export function finetuneReport({ options, settings, model }: FinetuneJob, outcome: Outcome): Report {
  const { manifest, mnist, before, after, fitted } = outcome;
  const { createdAt, versions, adapter, contentHash, training } = manifest;
  const { seed, batchSize, replay, targetLabels } = settings;
  return {
    createdAt,
    run: {
      command: 'finetune',
      data: testSetName(mnist, options.cwd),
      seed,
      ...adapter,
      batchSize,
      engine: fitted.engine,
      device: training?.device,
      versions,
      steps: fitted.state.step,
      replay,
      contentHash,
    },
    evaluation: { ...after, name: 'adapter on' },
    baseline: { ...before, name: 'adapter off' },
    targetLabels,
    training: { losses: fitted.losses, validation: validationCurve(outcome) },
    guard: guardReport(outcome),
    layers: rankUse(model),
    gates: checkGates({ evaluation: after, baseline: before, targetLabels }, options.gates ?? {}),
  };
}

/** What the guard and the strength search did. */
function guardReport({ validation, fitted, search }: Outcome): ForgettingGuard | undefined {
  if (!validation) return undefined;
  const { examples, guard } = validation;
  const { guarded } = fitted;
  return {
    examples,
    maxDrop: guard.maxDrop,
    training: guarded && {
      checks: guarded.checks.map(({ step, gain, drop }) => ({ step, gain, drop })),
      keptStep: guarded.kept.step,
      endedAtStep: guarded.endedAt,
    },
    strengthSearch: search && {
      checks: search.checks.map(({ strength, gain, drop }) => ({ strength, gain, drop })),
      keptStrength: search.strength,
    },
  };
}

/** Accuracy on the validation images at each check of the guard. */
function validationCurve({ validation, fitted }: Outcome): ValidationCurve | undefined {
  if (!validation || !fitted.guarded) return undefined;
  const { examples } = validation;
  return {
    examples,
    points: fitted.guarded.checks.map(({ step, errors }) => ({ step, accuracy: 1 - errors / examples })),
  };
}

/** How much of its rank each adapter uses. Layers without A and B are left out. */
function rankUse(model: tf.LayersModel): LayerRank[] {
  return loraLayers(model).flatMap(({ path, layer }) =>
    [...layer.adapters].flatMap(([adapter, { settings, updates }]) =>
      [...updates.keys()].map((kernel) => {
        const { singularValues, effectiveRank } = updateSpectrum(layer, adapter, kernel)!;
        const place = updates.size > 1 ? weightPath(path, kernel) : path;
        const name = layer.adapters.size > 1 ? `${place} (${adapter})` : place;
        return { layer: name, rank: settings.rank, singularValues: [...singularValues], effectiveRank };
      }),
    ),
  );
}

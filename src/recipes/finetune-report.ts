import type * as tf from '@tensorflow/tfjs';
import { checkGates, type Gates } from '../gates/index.ts';
import { loraLayers, updateSpectrum } from '../lora/index.ts';
import type { Evaluation } from '../metrics/index.ts';
import type { Mnist } from '../mnist-data-loader/index.ts';
import type { ForgettingGuard, LayerRank, Report, ValidationCurve } from '../report/index.ts';
import type { RunManifest } from '../runs/index.ts';
import type { StrengthSearch } from '../training/index.ts';
import { testSetName } from './data.ts';
import type { FitResult } from './fit.ts';
import type { FinetuneSettings } from './settings.ts';
import type { Validation } from './validation.ts';

/** What a report of a fine-tuning is made from. */
interface Outcome {
  readonly options: { readonly gates?: Gates; readonly cwd?: string };
  readonly settings: FinetuneSettings;
  readonly manifest: RunManifest;
  readonly mnist: Mnist;
  readonly model: tf.LayersModel;
  readonly before: Evaluation;
  readonly after: Evaluation;
  readonly fitted: FitResult;
  readonly validation: Validation | undefined;
  readonly search: StrengthSearch | undefined;
}

/** The report of a fine-tuning: adapter off against adapter on, and what was done against forgetting. */
export function finetuneReport(outcome: Outcome): Report {
  const { options, settings, manifest, mnist, model, before, after, fitted } = outcome;
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
    [...layer.adapters].flatMap(([adapter, { settings }]) => {
      const spectrum = updateSpectrum(layer, adapter);
      if (!spectrum) return [];
      const { singularValues, effectiveRank } = spectrum;
      const name = layer.adapters.size > 1 ? `${path} (${adapter})` : path;
      return [{ layer: name, rank: settings.rank, singularValues: [...singularValues], effectiveRank }];
    }),
  );
}

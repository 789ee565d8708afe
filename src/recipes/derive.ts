import { resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { CheckpointError, UsageError } from '../errors.ts';
import {
  injectLora,
  type LoraConfig,
  mergeLora,
  resolveLoraConfig,
  setAdapterStrength,
} from '../lora/index.ts';
import { openRun, type RunManifest, readManifest, saveRun } from '../runs/index.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, type RecipeOptions, SAVE, type SaveOptions } from './options.ts';
import { manifestHeader, withRunWriter } from './save.ts';
import { withRun, withScope } from './scope.ts';
import { toJson } from './settings.ts';

/** A run that a recipe made without training. */
export interface NewRun {
  /** The run's folder, if `out` was set. */
  readonly folder?: string;
  readonly manifest: RunManifest;
  /** The plain model. */
  readonly base: tf.LayersModel;
  /** The base with its adapter, or the base itself if the run has none. */
  readonly model: tf.LayersModel;
  /** Frees both models. */
  dispose(): void;
}

/** Options of `adaptRun`. */
export interface AdaptRunOptions extends Omit<RecipeOptions, 'data'>, SaveOptions {
  /** Folder of a run without an adapter. */
  readonly run: string;
  /** The adapter. Default: rank 8 on all layers, alpha = rank. */
  readonly lora?: LoraConfig;
}

/**
 * Makes a run of another run's model and a new, untrained adapter. `finetune` does this by itself.
 *
 * @throws UsageError if the run has an adapter, an option is invalid, or the folder is taken
 * @throws CheckpointError if a run cannot be read or written
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const adapted = await adaptRun({ run: 'runs/base', lora: { rank: 4 }, out: 'runs/adapted' });
 */
export async function adaptRun(options: AdaptRunOptions): Promise<NewRun> {
  checkRecipeOptions(options, { ...SAVE, run: 'string', lora: 'object?' });
  const { run: path, lora = {}, overwrite, cwd = process.cwd() } = options;
  const { adapter } = await readManifest(resolve(cwd, path));
  if (adapter)
    throw new UsageError('adapter-exists', `${path}: the run already has an adapter; choose its base`);
  return await withRunWriter(options, (writer) =>
    withScope(async (scope) => {
      const tensorflow = await loadRecipeTensorFlow(options);
      const { base, folder: source, manifest: baseManifest } = await openRun(path, cwd);
      scope.result(base);
      const onWarning = (message: string) => options.onNotice?.(`warning: ${message}`);
      const model = scope.result(injectLora(base, lora, { onWarning }));
      const { method, rank, alpha, seed } = resolveLoraConfig(lora);
      const { contentHash: baseHash, classNames, normalization, adjust } = baseManifest;
      const manifest: RunManifest = {
        ...manifestHeader('inject-lora', tensorflow),
        status: 'complete',
        options: { ...toJson(lora), overwrite },
        seed,
        contentHash: baseHash,
        classNames,
        normalization,
        adjust,
        derivedFrom: { folder: source, contentHash: baseHash },
        adapter: { method, rank, alpha, strength: 1 },
      };
      const folder = writer && (await saveRun(writer, { manifest, base, adapted: model }));
      return newRun({ folder, manifest, base, model });
    }),
  );
}

/** Options of `mergeRun`. */
export interface MergeRunOptions extends Omit<RecipeOptions, 'data'>, SaveOptions {
  /** Folder of a run with an adapter. */
  readonly run: string;
  /** Strength of the adapter, 0 to 1. Default: the run's own. */
  readonly strength?: number;
}

/**
 * Makes a run with a plain model whose weights include the adapter.
 *
 * @throws UsageError if an option is invalid, or the folder is taken
 * @throws CheckpointError if the run has no adapter, or a run cannot be read or written
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const merged = await mergeRun({ run: 'runs/tuned', out: 'runs/merged' });
 */
export async function mergeRun(options: MergeRunOptions): Promise<NewRun> {
  checkRecipeOptions(options, { ...SAVE, run: 'string', strength: 'number?' });
  const { run: path, overwrite, cwd = process.cwd() } = options;
  const { adapter } = await readManifest(resolve(cwd, path));
  if (!adapter) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: the run has no adapter to merge; choose an adapted run`,
    );
  }
  const strength = options.strength ?? adapter.strength;
  return await withRunWriter(options, (writer) =>
    withScope(async (scope) => {
      const tensorflow = await loadRecipeTensorFlow(options);
      return await withRun(path, cwd, async (run) => {
        setAdapterStrength(run.model, strength);
        const base = scope.result(mergeLora(run.model));
        const { seed, classNames, normalization, adjust } = run.manifest;
        const manifest: RunManifest = {
          ...manifestHeader('merge', tensorflow),
          status: 'complete',
          options: { strength, overwrite },
          seed,
          contentHash: contentHash(base),
          classNames,
          normalization,
          adjust,
          derivedFrom: { folder: run.folder, contentHash: run.manifest.contentHash },
        };
        const folder = writer && (await saveRun(writer, { manifest, base }));
        return newRun({ folder, manifest, base, model: base });
      });
    }),
  );
}

/** Adds `dispose` to the parts of a new run. */
export function newRun(parts: Omit<NewRun, 'dispose'>): NewRun {
  const { base, model } = parts;
  return {
    ...parts,
    dispose: () => {
      base.dispose();
      if (model !== base) model.dispose();
    },
  };
}

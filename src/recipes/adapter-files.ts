import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { UsageError } from '../errors.ts';
import { recoverFolder } from '../files/index.ts';
import { loraTargets, mergeLora } from '../graph-models/index.ts';
import { type LoraSummary, type LoraTarget, loraSummary, setAdapterStrength } from '../lora/index.ts';
import { loadPeft } from '../peft/index.ts';
import { loadAnyModel, saveGraphModel, saveModel } from '../runs/index.ts';
import {
  adapterWarnings,
  type Check,
  inspectAdapters,
  type LayerInspection,
  verify,
} from '../verification/index.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, type RecipeOptions } from './options.ts';
import { randomInputs } from './sample-inputs.ts';

/** Random examples on which outputs are compared. */
const EXAMPLES = 4;

/** A model that is not part of a run. */
export interface BaseModelOptions extends Omit<RecipeOptions, 'data' | 'adjust'> {
  /** The model.json of a LayersModel or GraphModel; the weight files are next to it. */
  readonly baseModel: string;
}

/** An adapter that is not part of a run, and its base. */
export interface AdapterFilesOptions extends BaseModelOptions {
  /** Folder with an adapter of PEFT or mlx-lm, such as `savePeft` writes, or a zip file of it. */
  readonly adapter: string;
}

/** The result of `inspectAdapterFiles`. */
export interface AdapterInspection {
  readonly totals: LoraSummary;
  /** The adapter on each layer: its settings, and the size of its update. */
  readonly adapters: readonly LayerInspection[];
  /** Likely problems, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Lists the layers or nodes of a model that can be adapted.
 *
 * @throws UsageError if an option is invalid
 * @throws CheckpointError if the model cannot be read
 * @throws TensorFlowError if the device is not available
 */
export async function inspectBaseModel(options: BaseModelOptions): Promise<LoraTarget[]> {
  checkRecipeOptions(options, { baseModel: 'string' });
  const base = await loadBase(options);
  try {
    return loraTargets(base);
  } finally {
    base.dispose();
  }
}

/**
 * Describes an adapter on its base, and lists likely problems.
 *
 * @throws UsageError if an option is invalid
 * @throws CheckpointError if the base or the adapter cannot be read, or they do not belong together
 * @throws TensorFlowError if the device is not available
 */
export async function inspectAdapterFiles(options: AdapterFilesOptions): Promise<AdapterInspection> {
  checkRecipeOptions(options, { baseModel: 'string', adapter: 'string' });
  const loaded = await loadAdapter(options);
  try {
    const adapters = inspectAdapters(loaded.model);
    return { totals: loraSummary(loaded.model), adapters, warnings: adapterWarnings(adapters) };
  } finally {
    loaded.dispose();
  }
}

/**
 * Checks an adapter on its base, with random numbers as inputs; see `verify`. Yields each result as soon as it is known.
 *
 * @throws UsageError if an option is invalid, or the base does not run on random numbers
 * @throws CheckpointError if the base or the adapter cannot be read, or they do not belong together
 * @throws TensorFlowError if the device is not available
 */
export async function* verifyAdapterFiles(options: AdapterFilesOptions): AsyncGenerator<Check> {
  checkRecipeOptions(options, { baseModel: 'string', adapter: 'string' });
  const { base, model, dispose } = await loadAdapter(options);
  try {
    const inputs = randomInputs(base, EXAMPLES);
    try {
      yield* verify({ base, model, inputs, baseHash: contentHash(base) });
    } finally {
      tf.dispose(inputs);
    }
  } finally {
    dispose();
  }
}

/** Options of `mergeAdapterFiles`. */
export interface MergeAdapterFilesOptions extends AdapterFilesOptions {
  /** The folder to write: model.json and weights.bin. */
  readonly out: string;
  /** Strength of the adapter, 0 to 1. Default 1. */
  readonly strength?: number;
  /** Replace a model in `out`. Default false. */
  readonly overwrite?: boolean;
}

/**
 * Writes the base with the adapter merged into its weights, as a model that tfjs loads without this library.
 *
 * @returns the content hash of the merged model
 * @throws UsageError if an option is invalid, or `out` has other files or already has a model
 * @throws CheckpointError if the base or the adapter cannot be read, they do not belong together, or the folder cannot be
 *   written
 * @throws TensorFlowError if the device is not available
 */
export async function mergeAdapterFiles(options: MergeAdapterFilesOptions): Promise<string> {
  checkRecipeOptions(options, {
    baseModel: 'string',
    adapter: 'string',
    out: 'string',
    strength: 'number?',
    overwrite: 'boolean?',
  });
  const { out, baseModel, strength = 1, overwrite = false, cwd = process.cwd() } = options;
  const target = resolve(cwd, out);
  if (target === dirname(resolve(cwd, baseModel)))
    throw new UsageError('invalid-argument', `${out}: is the folder of the base; choose another folder`);
  await recoverFolder(target);
  await requireModelFolder(target, out, overwrite);
  const { model, dispose } = await loadAdapter(options);
  try {
    setAdapterStrength(model, strength);
    const merged = mergeLora(model);
    try {
      if (merged instanceof tf.GraphModel) await saveGraphModel(merged, target);
      else await saveModel(merged, target);
      return contentHash(merged);
    } finally {
      merged.dispose();
    }
  } finally {
    dispose();
  }
}

/** Loads TensorFlow and the base. The caller disposes it. */
async function loadBase(options: BaseModelOptions): Promise<tf.LayersModel | tf.GraphModel> {
  await loadRecipeTensorFlow(options);
  const { baseModel, cwd = process.cwd() } = options;
  return await loadAnyModel(resolve(cwd, baseModel));
}

/** Loads a base and its adapter. `dispose` disposes both models. */
async function loadAdapter(options: AdapterFilesOptions) {
  const { adapter, cwd = process.cwd(), onNotice } = options;
  const base = await loadBase(options);
  const onWarning = (message: string) => onNotice?.(`warning: ${message}`);
  try {
    const model = await loadPeft(base, resolve(cwd, adapter), { onWarning });
    const dispose = () => {
      model.dispose();
      base.dispose();
    };
    return { base, model, dispose };
  } catch (error) {
    base.dispose();
    throw error;
  }
}

/** @throws UsageError if the folder has other files, or has a model and `overwrite` is not set */
async function requireModelFolder(target: string, folder: string, overwrite: boolean): Promise<void> {
  if (!existsSync(target)) return;
  const entries = await readdir(target).catch(() => undefined);
  if (entries?.length === 0) return;
  if (!entries?.includes('model.json'))
    throw new UsageError('folder-not-empty', `${folder}: exists and is not a model; choose another folder`);
  if (!overwrite) throw new UsageError('already-exists', `${folder}: the folder already has a model`);
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { CheckpointError, UsageError } from '../errors.ts';
import { recoverFolder } from '../files/index.ts';
import { mergeLora } from '../lora/index.ts';
import { savePeft } from '../peft/index.ts';
import { readManifest } from '../runs/index.ts';
import { writeSafetensors } from '../safetensors/index.ts';
import { toStateDict } from '../torch/index.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, type RecipeOptions } from './options.ts';
import { withRun } from './scope.ts';

/** Options of `exportWeights`. */
export interface ExportWeightsOptions extends Omit<RecipeOptions, 'data'> {
  /** Folder of the run. */
  readonly run: string;
  /** The safetensors file to write. */
  readonly file: string;
  /** Leave the adapter out. Default: its update is added to the weights. */
  readonly base?: boolean;
  /** Replace the file if it exists. Default false. */
  readonly overwrite?: boolean;
}

/** What `exportWeights` wrote. */
export interface ExportedWeights {
  /** Shape of each tensor, in PyTorch's layout. */
  readonly shapes: ReadonlyMap<string, readonly number[]>;
  /** Whether the weights include the update of an adapter. */
  readonly isMerged: boolean;
}

/**
 * Writes the weights of a run as a PyTorch state dict.
 *
 * @throws UsageError if an option is invalid, or the file exists
 * @throws CheckpointError if the run cannot be read, PyTorch has no counterpart of a layer, or the file cannot be written
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * await exportWeights({ run: 'runs/tuned', file: 'tuned.safetensors' });
 */
export async function exportWeights(options: ExportWeightsOptions): Promise<ExportedWeights> {
  checkRecipeOptions(options, { run: 'string', file: 'string', base: 'boolean?', overwrite: 'boolean?' });
  const { run: path, file, base: isBaseOnly = false, overwrite = false, cwd = process.cwd() } = options;
  const target = resolve(cwd, file);
  if (existsSync(target) && !overwrite) {
    throw new UsageError('already-exists', `${file}: the file already exists`);
  }
  await loadRecipeTensorFlow(options);
  return await withRun(path, cwd, async ({ manifest, base, model }) => {
    const isMerged = manifest.adapter !== undefined && !isBaseOnly;
    const exported = isMerged ? mergeLora(model) : base;
    const tensors = toStateDict(exported);
    if (exported !== base) exported.dispose();
    await writeSafetensors(target, tensors, new Map([['format', 'pt']]));
    return { shapes: new Map([...tensors].map(([name, { shape }]) => [name, shape])), isMerged };
  });
}

/** Options of `exportAdapter`. */
export interface ExportAdapterOptions extends Omit<RecipeOptions, 'data'> {
  /** Folder of a run with an adapter. */
  readonly run: string;
  /** The folder to write. */
  readonly folder: string;
  /** Replace an adapter in the folder. Default false. */
  readonly overwrite?: boolean;
}

/**
 * Writes the adapter of a run for PEFT, as adapter_config.json and adapter_model.safetensors.
 *
 * @returns the content hash of the base that the adapter was trained on
 * @throws UsageError if an option is invalid, if the folder has other files, or has an adapter and `overwrite` is not set, or if PEFT cannot
 *   represent the adapter
 * @throws CheckpointError if the run has no adapter or cannot be read, or the folder cannot be written
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * await exportAdapter({ run: 'runs/tuned', folder: 'my-adapter' });
 */
export async function exportAdapter(options: ExportAdapterOptions): Promise<string> {
  checkRecipeOptions(options, { run: 'string', folder: 'string', overwrite: 'boolean?' });
  const { run: path, folder, overwrite = false, cwd = process.cwd(), onNotice } = options;
  const target = resolve(cwd, folder);
  await recoverFolder(target);
  await requireAdapterFolder(target, folder, overwrite);
  const { adapter, contentHash: baseHash } = await readManifest(resolve(cwd, path));
  if (!adapter) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${path}: the run has no adapter; export its weights instead`,
    );
  }
  await loadRecipeTensorFlow(options);
  await withRun(path, cwd, ({ model }) => savePeft(model, target, { peftOnly: true, baseHash }));
  if (adapter.strength !== 1) {
    onNotice?.(`note: the run uses its adapter at strength ${adapter.strength}; PEFT loads it at strength 1`);
  }
  return baseHash;
}

async function requireAdapterFolder(target: string, folder: string, overwrite: boolean): Promise<void> {
  if (!existsSync(target)) return;
  const entries = await readdir(target).catch(() => undefined);
  if (entries?.length === 0) return;
  if (!entries?.includes('adapter_config.json')) {
    throw new UsageError(
      'folder-not-empty',
      `${folder}: exists and is not an adapter; choose another folder`,
    );
  }
  if (!overwrite) throw new UsageError('already-exists', `${folder}: the folder already has an adapter`);
}

import { existsSync, statSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { checkOptions, checkText } from '../arguments.ts';
import { CheckpointError } from '../errors.ts';
import { readJson, recoverFolder } from '../files/index.ts';
import { type LoraGraphModel, withGraphLayers } from '../graph-models/index.ts';
import { readSafetensors } from '../safetensors/index.ts';
import { listNames } from '../text/index.ts';
import { attachAdapter } from './attach.ts';
import { attachPeft, checkBase } from './attach-peft.ts';
import { baseHashOf } from './base-hash.ts';
import { CONFIG_FILE, DEFAULT_ADAPTER, WEIGHTS_FILE } from './format.ts';
import { MLX_WEIGHTS_FILE, readMlxAdapter } from './mlx.ts';
import { peftModules } from './modules.ts';
import { readPeftZip } from './zip.ts';

/** Options of `loadPeft`. */
export interface LoadPeftOptions {
  /** Name of the adapter in the model, and of its subfolder if the folder has one. Default `default`. */
  readonly adapter?: string;
  /** Whether to load the adapter onto another base than the one it was trained on. Default false. */
  readonly anyBase?: boolean;
  /** Called with one line for each problem that does not prevent loading, such as unknown keys. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Loads an adapter of PEFT (`adapter_config.json` and `adapter_model.safetensors`) or mlx-lm (`adapter_config.json`
 * and `adapters.safetensors`) onto a model whose layers are named like the modules of the original model. Also reads a zip
 * of the former, as the page of `tfjs-lora play` saves it.
 *
 * If `base` has no adapters, it is left unchanged and a copy with the adapter is returned; the caller disposes both.
 * If it already has adapters, this one is added to it without being active (see `setActiveAdapters`), and `base`
 * itself is returned.
 *
 * Stricter than PEFT: a tensor that belongs to no layer and a layer without its tensors are errors.
 *
 * @throws UsageError if an argument is not what its type says
 * @throws CheckpointError if a file is missing or invalid, an option is not supported, or a tensor is missing,
 *   unexpected, of another shape, or contains NaN or Inf; with code 'base-mismatch' if the adapter was saved for
 *   another base and `anyBase` is not set
 * @example
 * const adapted = await loadPeft(base, 'my-adapter');
 * await loadPeft(adapted, 'my-adapter', { adapter: 'sevens' }); // reads my-adapter/sevens
 * setActiveAdapters(adapted, ['sevens']);
 */
export async function loadPeft(
  base: tf.LayersModel,
  folder: string,
  options?: LoadPeftOptions,
): Promise<tf.LayersModel>;
export async function loadPeft(
  base: tf.GraphModel,
  folder: string,
  options?: LoadPeftOptions,
): Promise<LoraGraphModel>;
export async function loadPeft(
  base: tf.LayersModel | tf.GraphModel,
  folder: string,
  options?: LoadPeftOptions,
): Promise<tf.LayersModel | LoraGraphModel>;
export async function loadPeft(
  base: tf.LayersModel | tf.GraphModel,
  folder: string,
  options: LoadPeftOptions = {},
): Promise<tf.LayersModel | LoraGraphModel> {
  checkText('folder', folder);
  checkOptions(options, { adapter: 'string?', anyBase: 'boolean?', onWarning: 'function?' });
  const { adapter = DEFAULT_ADAPTER, anyBase = false, onWarning = () => {} } = options;
  if (isZip(folder)) {
    const content = await readPeftZip(folder);
    const weightsPath = join(folder, WEIGHTS_FILE);
    if (!anyBase) checkBase(weightsPath, content.weights, () => baseHashOf(base));
    return attachPeft(
      base,
      { adapter, configPath: join(folder, CONFIG_FILE), weightsPath, onWarning },
      content,
    );
  }
  const adapterFolder = await findAdapterFolder(folder, adapter);
  const configPath = join(adapterFolder, CONFIG_FILE);
  const content = await readJson(configPath);
  const mlxPath = join(adapterFolder, MLX_WEIGHTS_FILE);
  const weightsPath = join(adapterFolder, WEIGHTS_FILE);
  if (!existsSync(weightsPath) && existsSync(mlxPath)) {
    const { tensors } = await readSafetensors(mlxPath);
    const files = { adapter, configPath, weightsPath: mlxPath, onWarning };
    return withGraphLayers(base, { adapter, method: 'side' }, (model) =>
      attachAdapter(model, readMlxAdapter(files, content, tensors, peftModules(model))),
    );
  }
  const weights = await readSafetensors(weightsPath);
  if (!anyBase) checkBase(weightsPath, weights, () => baseHashOf(base));
  return attachPeft(base, { adapter, configPath, weightsPath, onWarning }, { config: content, weights });
}

function isZip(path: string): boolean {
  return path.toLowerCase().endsWith('.zip') && statSync(path, { throwIfNoEntry: false })?.isFile() === true;
}

/**
 * The adapter's subfolder if it exists, otherwise the folder itself.
 *
 * @throws CheckpointError if neither holds an adapter
 */
async function findAdapterFolder(folder: string, adapter: string): Promise<string> {
  if (!existsSync(folder)) await recoverFolder(folder);
  if (!existsSync(folder)) throw new CheckpointError('file-not-found', `${folder}: no such folder`);
  if (!statSync(folder).isDirectory())
    throw new CheckpointError('invalid-checkpoint', `${folder}: is a file; give the folder of the adapter`);
  const subfolder = join(folder, adapter);
  if (existsSync(join(subfolder, CONFIG_FILE))) return subfolder;
  if (existsSync(join(folder, CONFIG_FILE))) {
    if ([WEIGHTS_FILE, MLX_WEIGHTS_FILE].some((name) => existsSync(join(folder, name)))) return folder;
    throw new CheckpointError(
      'invalid-checkpoint',
      `${folder}: no ${WEIGHTS_FILE}; save the adapter as safetensors (safe_serialization=True in PEFT); the folder has ${listNames(await readdir(folder))}`,
    );
  }
  const entries = await readdir(folder);
  const adapters = entries.filter((name) => existsSync(join(folder, name, CONFIG_FILE)));
  const found = entries.length > 0 ? `; the folder has ${listNames(entries)}` : '';
  const hint = adapters.length > 0 ? `; it has subfolders for the adapters ${listNames(adapters)}` : found;
  throw new CheckpointError('invalid-checkpoint', `${folder}: no ${CONFIG_FILE}${hint}`);
}

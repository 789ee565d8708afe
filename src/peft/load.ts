import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { readJson, recoverFolder } from '../files/index.ts';
import type { LoraConfig, LoraMethod } from '../lora/index.ts';
import { readSafetensors, type SafeTensor, type Safetensors } from '../safetensors/index.ts';
import { listNames, quote } from '../text/index.ts';
import { type AdapterFiles, attachAdapter, type StoredAdapter } from './attach.ts';
import { storedNames } from './automatic-names.ts';
import { checkBase } from './base-hash.ts';
import { type PeftConfig, parsePeftConfig } from './config.ts';
import { CONFIG_FILE, DEFAULT_ADAPTER, METADATA, PREFIX, WEIGHTS_FILE } from './format.ts';
import { MLX_WEIGHTS_FILE, readMlxAdapter } from './mlx.ts';
import { incompatibilityOf, type PeftModule, peftModules } from './modules.ts';
import { convertedShapes, originalSettings, restoreInitialUpdate } from './mutated-weights.ts';
import { exactPattern, exactTargets } from './patterns.ts';
import { takeRunningStatistics } from './running-statistics.ts';
import { type SelectedModules, selectModules, type TargetModule } from './targets.ts';
import { namedTensors } from './tensor-names.ts';
import { takePeftTensors } from './tensors.ts';

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
 * and `adapters.safetensors`) onto a model whose layers are named like the modules of the original model.
 *
 * If `base` has no adapters, it is left unchanged and a copy with the adapter is returned; the caller disposes both.
 * If it already has adapters, this one is added to it without being active (see `setActiveAdapters`), and `base`
 * itself is returned.
 *
 * Stricter than PEFT: a tensor that belongs to no layer and a layer without its tensors are errors.
 *
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
  { adapter = DEFAULT_ADAPTER, anyBase = false, onWarning = () => {} }: LoadPeftOptions = {},
): Promise<tf.LayersModel> {
  const adapterFolder = await findAdapterFolder(folder, adapter);
  const configPath = join(adapterFolder, CONFIG_FILE);
  const content = await readJson(configPath);
  const mlxPath = join(adapterFolder, MLX_WEIGHTS_FILE);
  const weightsPath = join(adapterFolder, WEIGHTS_FILE);
  if (!existsSync(weightsPath) && existsSync(mlxPath)) {
    const { tensors } = await readSafetensors(mlxPath);
    const files = { adapter, configPath, weightsPath: mlxPath, onWarning };
    return attachAdapter(base, readMlxAdapter(files, content, tensors, peftModules(base)));
  }
  const { config, unknownKeys } = parsePeftConfig(configPath, content);
  if (unknownKeys.length > 0) onWarning(`${configPath}: ignored unknown keys ${listNames(unknownKeys)}`);
  const weights = await readSafetensors(weightsPath);
  if (!anyBase) checkBase(weightsPath, weights.metadata.get(METADATA.baseHash), base);
  const files = { adapter, configPath, weightsPath, onWarning };
  const layers = peftModules(base, storedNames(weightsPath, weights.metadata, base));
  return attachAdapter(base, readPeftAdapter(files, config, weights, layers));
}

function readPeftAdapter(
  files: AdapterFiles,
  config: PeftConfig,
  { tensors: stored, metadata }: Safetensors,
  layers: readonly PeftModule[],
): StoredAdapter {
  const { weightsPath, configPath, onWarning } = files;
  const { tensors, modules, warnings } = namedTensors(weightsPath, stored, layers);
  const { targets, saved, ...selection } = selectModules(configPath, config, modules, tensors);
  const bias = storedBias(files, config.bias, tensors, { targets, saved });
  for (const warning of [...warnings, ...selection.warnings]) onWarning(warning);
  const subtractsInitialUpdate = metadata.get(METADATA.subtractsInitialUpdate) === 'true';
  const method = (metadata.get(METADATA.method) ?? 'side') as LoraMethod;
  return {
    ...files,
    tensors,
    modules,
    lora: { method, ...loraConfigOf({ ...config, bias }, targets, saved, subtractsInitialUpdate) },
    takeTensors(module, shapes, remaining) {
      const isLowRank = shapes.has('lora_A');
      if (saved.some(({ path }) => path === module.path)) {
        takeRunningStatistics(weightsPath, module, remaining);
      }
      const tfjsLayout = isLowRank && incompatibilityOf(module, method)?.tfjsLayout === true;
      const isConverted = subtractsInitialUpdate && isLowRank && !tfjsLayout;
      const storedShapes = isConverted ? convertedShapes(shapes) : shapes;
      const taken = takePeftTensors(weightsPath, module, storedShapes, tfjsLayout, remaining);
      return isConverted ? restoreInitialUpdate(taken) : taken;
    },
  };
}

/**
 * Which biases the file has. PEFT up to 0.20 trains the biases of `bias: "lora_only"`, but does not save them, and loads
 * such a file without them.
 */
function storedBias(
  { weightsPath, onWarning }: AdapterFiles,
  bias: PeftConfig['bias'],
  tensors: ReadonlyMap<string, SafeTensor>,
  { targets, saved }: Pick<SelectedModules, 'targets' | 'saved'>,
): PeftConfig['bias'] {
  const isBias = (name: string) =>
    name.endsWith('.bias') && !saved.some((module) => name.startsWith(`${PREFIX}${module.name}.`));
  const hasBias = targets.some(({ layer }) =>
    layer.weights.some(({ originalName }) => originalName.endsWith('/bias')),
  );
  if (bias === 'none' || !hasBias || [...tensors.keys()].some(isBias)) return bias;
  onWarning(
    `${weightsPath}: has no biases despite bias ${quote(bias)}; loaded with those of the base, as PEFT does`,
  );
  return 'none';
}

/** The LoRA options that recreate the stored adapter. */
function loraConfigOf(
  config: PeftConfig,
  targets: readonly TargetModule[],
  saved: readonly PeftModule[],
  subtractsInitialUpdate: boolean,
): LoraConfig {
  const settings = targets.map((target) => {
    const stored = { rank: target.rank, alpha: target.alpha, rslora: config.use_rslora };
    return { target, ...(subtractsInitialUpdate ? originalSettings(stored) : stored) };
  });
  return {
    rank: settings[0]!.rank,
    alpha: settings[0]!.alpha,
    targets: exactTargets(targets),
    modulesToSave: saved.length > 0 ? exactTargets(saved) : undefined,
    rankPattern: exactPattern(settings.map(({ target, rank }) => [target, rank])),
    alphaPattern: exactPattern(settings.map(({ target, alpha }) => [target, alpha])),
    rslora: config.use_rslora,
    dora: config.use_dora,
    dropout: config.lora_dropout,
    bias: config.bias === 'lora_only' ? 'lora-only' : config.bias,
    // Only chooses which tensors the adapter has; their values are read from the file.
    init: subtractsInitialUpdate ? 'olora' : 'kaiming',
  };
}

/**
 * The adapter's subfolder if it exists, otherwise the folder itself.
 *
 * @throws CheckpointError if neither holds an adapter
 */
async function findAdapterFolder(folder: string, adapter: string): Promise<string> {
  if (!existsSync(folder)) await recoverFolder(folder);
  if (!existsSync(folder)) throw new CheckpointError('file-not-found', `${folder}: no such folder`);
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

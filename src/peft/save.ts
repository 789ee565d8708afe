import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { CheckpointError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors, writeFolderAtomic, writeJson } from '../files/index.ts';
import { adapterNames, loraLayers, readAdapter } from '../lora/index.ts';
import { type SafeTensor, writeSafetensors } from '../safetensors/index.ts';
import { automaticNames } from './automatic-names.ts';
import { baseHashOf } from './base-hash.ts';
import { type AdaptedModule, buildPeftConfig } from './build-config.ts';
import { CONFIG_FILE, DEFAULT_ADAPTER, METADATA, WEIGHTS_FILE } from './format.ts';
import { peftModules } from './modules.ts';
import { subtractInitialUpdate } from './mutated-weights.ts';
import { runningStatistics } from './running-statistics.ts';
import { toPeftTensors } from './tensors.ts';

/** Options of `savePeft`. */
export interface SavePeftOptions {
  /** The only adapter to save. Default: all adapters. */
  readonly adapter?: string;
  /** Whether to throw if PEFT cannot represent an adapter, instead of saving it with another type. Default false. */
  readonly peftOnly?: boolean;
  /** Content hash of the base, if it is known already. Default: computed. */
  readonly baseHash?: string;
}

/**
 * Saves the adapters of a model in PEFT's format, as `adapter_config.json` and `adapter_model.safetensors`: the adapter
 * `default` in `folder`, others in subfolders named after them. Adapters are saved at strength 1, whatever their
 * strength is now. Equal adapters give equal files. They appear together or not at all; other files in the folder stay.
 *
 * PEFT loads the files onto the PyTorch model with the same module names, and gives the same outputs. Adapters that
 * PEFT cannot represent (method 'weight-view', depthwise or dilated convolutions) are saved with a `peft_type` that
 * PEFT rejects; `loadPeft` reads them.
 *
 * @throws UsageError if the adapter does not exist; with code 'peft-incompatible' if layers have different options of
 *   which PEFT has one per adapter, or if `peftOnly` is set and PEFT cannot represent an adapter
 * @throws CheckpointError if the files cannot be written
 * @example
 * await savePeft(model, 'my-adapter', { peftOnly: true });
 * // in Python: PeftModel.from_pretrained(base, 'my-adapter')
 */
export async function savePeft(
  model: tf.LayersModel,
  folder: string,
  { adapter, peftOnly = false, baseHash = baseHashOf(model) }: SavePeftOptions = {},
): Promise<void> {
  const names = adapterNames(model);
  if (adapter !== undefined && !names.includes(adapter)) {
    throw new UsageError(
      'invalid-argument',
      `unknown adapter '${adapter}'; the model's adapters are ${names.join(', ')}`,
    );
  }
  // All contents are built before the first file is written.
  const contents = (adapter === undefined ? names : [adapter]).map((name) => ({
    subfolder: name === DEFAULT_ADAPTER ? '' : name,
    ...buildContent(model, name, peftOnly),
  }));
  const write = async (staging: string) => {
    for (const { subfolder, config, tensors, metadata } of contents) {
      const path = join(staging, subfolder);
      await ensureDir(path);
      const allMetadata = new Map([...metadata, ['format', 'pt'], [METADATA.baseHash, baseHash]]);
      await writeSafetensors(join(path, WEIGHTS_FILE), tensors, allMetadata);
      await writeJson(join(path, CONFIG_FILE), config);
    }
  };
  await withFileErrors(CheckpointError, folder, 'written', () => writeFolderAtomic(folder, write));
}

/** Keys of the configuration that are the same for every adapter. */
const FIXED_KEYS = {
  task_type: null,
  base_model_name_or_path: null,
  fan_in_fan_out: false,
  inference_mode: true,
};

/** The configuration, tensors and metadata of an adapter. */
function buildContent(model: tf.LayersModel, adapter: string, peftOnly: boolean) {
  const modules = peftModules(model);
  const adapted = adaptedModules(model, adapter, modules);
  const { config, tfjsLayout, incompatibilities } = buildPeftConfig(adapted, modules);
  if (peftOnly && incompatibilities.length > 0) {
    throw new UsageError(
      'peft-incompatible',
      `adapter '${adapter}' cannot be saved for PEFT, which does not support ${incompatibilities.join('; ')}`,
    );
  }
  const tensors = new Map<string, SafeTensor>();
  for (const { module, layer, settings } of adapted) {
    const inTfjsLayout = tfjsLayout.has(module);
    const original = readAdapter(layer, adapter);
    const isConverted = settings.subtractsInitialUpdate && !inTfjsLayout;
    const stored = isConverted ? subtractInitialUpdate(original) : original;
    for (const [name, tensor] of toPeftTensors(module, stored, inTfjsLayout)) tensors.set(name, tensor);
    if (settings.trainedCopies === 'all') {
      for (const [name, tensor] of runningStatistics(module)) tensors.set(name, tensor);
    }
  }
  const { method } = adapted.find(({ settings }) => settings.rank > 0)!.layer;
  const metadata = automaticNames(model).set(METADATA.method, method);
  if (adapted.some(({ settings }) => settings.subtractsInitialUpdate)) {
    metadata.set(METADATA.subtractsInitialUpdate, 'true');
  }
  return { config: { ...FIXED_KEYS, ...config }, tensors, metadata };
}

/** The layers on which the adapter has tensors. */
function adaptedModules(
  model: tf.LayersModel,
  adapter: string,
  modules: ReturnType<typeof peftModules>,
): AdaptedModule[] {
  const modulesByPath = new Map(modules.map((module) => [module.path, module]));
  const adapted: AdaptedModule[] = [];
  for (const { path, layer } of loraLayers(model)) {
    const settings = layer.adapters.get(adapter)?.settings;
    if (settings && (settings.rank > 0 || settings.trainedCopies !== 'none')) {
      adapted.push({ module: modulesByPath.get(path)!, layer, settings });
    }
  }
  return adapted;
}

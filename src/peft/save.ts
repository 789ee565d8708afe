import { join } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { CheckpointError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors, writeJson } from '../files/index.ts';
import { type AdapterTensor, adapterNames, loraLayers, readAdapter } from '../lora/index.ts';
import { type SafeTensor, writeSafetensors } from '../safetensors/index.ts';
import { joinAnchors } from './anchors.ts';
import { BASE_HASH, baseHashOf } from './base-hash.ts';
import { describeAdapter } from './describe.ts';
import { peftModules } from './modules.ts';
import { toStored } from './parts.ts';
import { statisticsOf } from './statistics.ts';

/** The two files that PEFT keeps an adapter in. */
export const CONFIG_FILE = 'adapter_config.json';
export const WEIGHTS_FILE = 'adapter_model.safetensors';
/** The adapter that PEFT keeps in the folder itself; others have subfolders. */
export const DEFAULT_ADAPTER = 'default';
/** Keys of our own facts in the metadata of the weights; PEFT passes over them. */
export const METHOD = 'tfjs_lora_method';
export const ANCHORED = 'tfjs_lora_anchored';

/** Which adapters to write, and how strictly. */
export interface SavePeftOptions {
  /** Writes this adapter alone; all of them by default. */
  readonly adapter?: string;
  /** Refuse what PEFT cannot load, instead of writing it under a type of our own. Default false. */
  readonly peftOnly?: boolean;
  /** The base's content hash, where the caller knows it. */
  readonly baseHash?: string;
}

/**
 * Writes adapters as PEFT does: `adapter_config.json` and `adapter_model.safetensors` in the folder for the adapter
 * `default`, in a subfolder of its name for each other. At full strength, whatever the adapter's strength is now.
 * Equal adapters give equal files.
 *
 * PEFT loads them on the PyTorch model with the same module names and gives the same outputs. What PEFT has no form
 * for (method 'weight-view', depthwise or dilated convolutions) gets a type that PEFT refuses; `loadPeft` reads it.
 *
 * @throws UsageError when there is no such adapter, or `peftOnly` is set and PEFT has no form for it
 * @throws CheckpointError when the folder cannot be written to
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
      `there is no adapter '${adapter}'; the model has ${names.join(', ')}`,
    );
  }
  const contents = (adapter === undefined ? names : [adapter]).map((name) => {
    return { name, ...adapterFiles(model, name, peftOnly) };
  });
  for (const { name, config, tensors, metadata } of contents) {
    const place = name === DEFAULT_ADAPTER ? folder : join(folder, name);
    await withFileErrors(CheckpointError, place, 'created', () => ensureDir(place));
    const facts = new Map([...metadata, ['format', 'pt'], [BASE_HASH, baseHash]]);
    await writeSafetensors(join(place, WEIGHTS_FILE), tensors, facts);
    await writeJson(join(place, CONFIG_FILE), config);
  }
}

/** What the two files of an adapter hold. */
function adapterFiles(model: tf.LayersModel, name: string, peftOnly: boolean) {
  const all = peftModules(model);
  const adapted = loraLayers(model).flatMap(({ path, layer }) => {
    const settings = layer.adapters.get(name)?.settings;
    const module = all.find((one) => one.path === path)!;
    return settings && (settings.rank > 0 || settings.trainedCopies !== 'none')
      ? [{ module, layer, settings }]
      : [];
  });
  const { config, raw, obstacles } = describeAdapter(adapted, all);
  if (peftOnly && obstacles.length > 0) {
    throw new UsageError(
      'peft-incompatible',
      `adapter '${name}' cannot be written for PEFT, which has no form for ${obstacles.join('; ')}`,
    );
  }
  const tensors = new Map<string, SafeTensor>();
  for (const { module, layer, settings } of adapted) {
    const own = readAdapter(layer, name);
    const isRaw = raw.has(module);
    const parts: ReadonlyMap<string, AdapterTensor> =
      settings.subtractsInitialUpdate && !isRaw ? joinAnchors(own) : own;
    const whole = settings.trainedCopies === 'all' ? statisticsOf(module) : [];
    for (const [key, tensor] of [...toStored(module, parts, isRaw), ...whole]) tensors.set(key, tensor);
  }
  const metadata = new Map([
    [METHOD, adapted.find(({ settings }) => settings.rank > 0)!.layer.method as string],
  ]);
  if (adapted.some(({ settings }) => settings.subtractsInitialUpdate)) metadata.set(ANCHORED, 'true');
  return { config: { ...FIXED_KEYS, ...config }, tensors, metadata };
}

/** Keys that PEFT writes for every adapter. */
const FIXED_KEYS = {
  task_type: null,
  base_model_name_or_path: null,
  fan_in_fan_out: false,
  inference_mode: true,
};

import type * as tf from '@tensorflow/tfjs';
import { jsonText, parseJson } from '../files/index.ts';
import type { LoraGraphModel } from '../graph-models/index.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { parseSafetensors, serializeSafetensors } from '../safetensors/index.ts';
import { attachPeft, checkBase } from './attach-peft.ts';
import { buildContent } from './build-content.ts';
import { CONFIG_FILE, DEFAULT_ADAPTER, WEIGHTS_FILE } from './format.ts';

/** The two files of an adapter in PEFT's format. */
export interface PeftFiles {
  /** The text of `adapter_config.json`. */
  readonly config: string;
  /** The bytes of `adapter_model.safetensors`. */
  readonly weights: Uint8Array;
}

/** Options of `peftFiles` and `loadPeftFiles`. */
export interface PeftFilesOptions {
  /** Name of the adapter in the model. Default `default`. */
  readonly adapter?: string;
  /**
   * Content hash of the base without adapters, as in the `run.json` of its run. Without it, the files fit any base with the
   * same layers, and the base of files is not checked.
   */
  readonly baseHash?: string;
}

/** Options of `loadPeftFiles`. */
export interface LoadPeftFilesOptions extends PeftFilesOptions {
  /** Called with one line for each problem that does not prevent loading. */
  readonly onWarning?: (message: string) => void;
}

/**
 * Returns the files that `savePeft` writes, byte for byte, without a file system: for browsers.
 *
 * @throws UsageError if PEFT has one value per adapter of an option in which layers differ
 * @example
 * const { config, weights } = peftFiles(model);
 */
export function peftFiles(
  model: AdaptableModel,
  { adapter = DEFAULT_ADAPTER, baseHash }: PeftFilesOptions = {},
): PeftFiles {
  const { config, tensors, metadata } = buildContent(model, adapter, { peftOnly: false, baseHash });
  const parts = serializeSafetensors(WEIGHTS_FILE, { tensors, metadata });
  const weights = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    weights.set(part, offset);
    offset += part.length;
  }
  return { config: `${jsonText(config)}\n`, weights };
}

/**
 * Loads an adapter like `loadPeft`, from the contents of its files.
 *
 * @example
 * const adapted = loadPeftFiles(base, { config, weights });
 *
 * @throws CheckpointError as `loadPeft`; with code 'base-mismatch' if the adapter was saved for another base
 */
export function loadPeftFiles(
  base: tf.LayersModel,
  files: PeftFiles,
  options?: LoadPeftFilesOptions,
): tf.LayersModel;
export function loadPeftFiles(
  base: tf.GraphModel,
  files: PeftFiles,
  options?: LoadPeftFilesOptions,
): LoraGraphModel;
export function loadPeftFiles(
  base: tf.LayersModel | tf.GraphModel,
  { config, weights }: PeftFiles,
  { adapter = DEFAULT_ADAPTER, baseHash, onWarning = () => {} }: LoadPeftFilesOptions = {},
): tf.LayersModel | LoraGraphModel {
  const content = parseSafetensors(WEIGHTS_FILE, weights);
  if (baseHash !== undefined) checkBase(WEIGHTS_FILE, content, () => baseHash);
  const files = { adapter, configPath: CONFIG_FILE, weightsPath: WEIGHTS_FILE, onWarning };
  return attachPeft(base, files, { config: parseJson(CONFIG_FILE, config), weights: content });
}

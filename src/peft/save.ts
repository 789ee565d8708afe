import { join } from 'node:path';
import { checkOptions, checkText } from '../arguments.ts';
import { CheckpointError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors, writeFolderAtomic, writeJson } from '../files/index.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { adapterNames } from '../lora/index.ts';
import { writeSafetensors } from '../safetensors/index.ts';
import { baseHashOf } from './base-hash.ts';
import { buildContent } from './build-content.ts';
import { CONFIG_FILE, DEFAULT_ADAPTER, WEIGHTS_FILE } from './format.ts';

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
 * @throws UsageError if an argument is not what its type says, if the adapter does not exist; with code 'peft-incompatible' if layers have different options of
 *   which PEFT has one per adapter, or if `peftOnly` is set and PEFT cannot represent an adapter
 * @throws CheckpointError if the files cannot be written
 * @example
 * await savePeft(model, 'my-adapter', { peftOnly: true });
 * // in Python: PeftModel.from_pretrained(base, 'my-adapter')
 */
export async function savePeft(
  model: AdaptableModel,
  folder: string,
  options: SavePeftOptions = {},
): Promise<void> {
  checkText('folder', folder);
  checkOptions(options, { adapter: 'string?', peftOnly: 'boolean?', baseHash: 'string?' });
  const { adapter, peftOnly = false, baseHash = baseHashOf(model) } = options;
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
    ...buildContent(model, name, { peftOnly, baseHash }),
  }));
  const write = async (staging: string) => {
    for (const { subfolder, config, tensors, metadata } of contents) {
      const path = join(staging, subfolder);
      await ensureDir(path);
      await writeSafetensors(join(path, WEIGHTS_FILE), tensors, metadata);
      await writeJson(join(path, CONFIG_FILE), config);
    }
  };
  await withFileErrors(CheckpointError, folder, 'written', () => writeFolderAtomic(folder, write));
}

import { createRequire } from 'node:module';
import { TensorFlowError } from '../errors.ts';
import { type NativeDevice, type NativePackage, notSetUp } from '../setup/index.ts';
import { loadPreloadAddon, type PreloadAddon } from '../tensorflow-libraries/index.ts';
import { DeviceError } from './errors.ts';
import { requireWithTfjs } from './require-with-tfjs.ts';
import { setTensorFloat32 } from './tensor-float32.ts';

const require = createRequire(import.meta.url);

export interface LoadNativeOptions {
  /** Whether float32 products may be computed in TF32 on a device that can. */
  readonly tf32: boolean;
  /** See `LoadOptions`. */
  readonly reportAborts?: (error: TensorFlowError) => string;
  /** See `LoadOptions`. */
  readonly endAtSecondSignal?: boolean;
}

/**
 * Loads a native package, which makes itself the backend of tfjs. Set environment variables for TensorFlow before: it reads
 * them while it loads.
 *
 * @throws TensorFlowError if the package does not load
 */
export function loadNativePackage(nativePackage: NativePackage, options: LoadNativeOptions): void {
  const { name, device } = nativePackage;
  restoreNodeUtil();
  try {
    const addon = loadPreloadAddon(nativePackage);
    if (addon) preload(addon, device, options);
    requireWithTfjs(name);
  } catch (error) {
    const [reason] = (error instanceof Error ? error.message : String(error)).split('\n');
    throw notSetUp(device, `${name} does not load (${reason})`, { cause: error });
  }
}

/**
 * Checks that a GPU can be kept from computing float32 products in TF32, with a 10-bit mantissa. TensorFlow's C interface
 * cannot do that; the addon of set-up can. If the user allows TF32, one line says what another addon costs: CUDA graphs are
 * used only with the TensorFlow that set-up recorded, because other versions abort at their flags.
 *
 * @throws TensorFlowError if set-up did not compile the addon, unless the user allows TF32
 */
export function requireFloat32(
  { name, device, marker }: Pick<NativePackage, 'name' | 'device' | 'marker'>,
  { tf32 = false, onNotice }: { readonly tf32?: boolean; readonly onNotice?: (line: string) => void },
): void {
  if (device !== 'cuda' || marker) return;
  const problem = `${name}: its addon was not compiled by the set-up of tfjs-lora`;
  if (tf32) onNotice?.(`${problem}, so training with XLA runs without CUDA graphs, which is slower`);
  else {
    throw notSetUp(
      device,
      `${problem}, so float32 products would be computed in TF32, with a 10-bit mantissa`,
    );
  }
}

/** Loads TensorFlow's libraries and applies the options. */
function preload(
  addon: PreloadAddon,
  device: NativeDevice,
  { tf32, reportAborts, endAtSecondSignal }: LoadNativeOptions,
): void {
  addon.preload();
  const applied = setTensorFloat32(addon.allowTensorFloat32, tf32);
  if (device === 'cuda' && !tf32 && !applied) {
    throw new Error('this TensorFlow cannot be kept from computing float32 products in TF32');
  }
  if (reportAborts) {
    const error = abortError(device);
    addon.reportAborts?.(`${reportAborts(error)}\n`, error.exitCode);
  }
  if (endAtSecondSignal) addon.endAtSecondSignal?.();
}

function abortError(device: NativeDevice): TensorFlowError {
  return device === 'cuda'
    ? new DeviceError(
        'device-lost',
        'TensorFlow aborted the process, as it does when a GPU stops working; see nvidia-smi, then start again',
      )
    : new TensorFlowError('tensorflow-failed', 'TensorFlow aborted the process for the reason above');
}

/** Adds the functions of `node:util` that tfjs-node calls. Node 23 removed them; earlier versions warn of their use. */
function restoreNodeUtil(): void {
  Object.assign(require('node:util'), {
    isNullOrUndefined: (value: unknown) => value === null || value === undefined,
    isArray: Array.isArray,
  });
}

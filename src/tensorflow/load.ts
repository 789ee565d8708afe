import * as tf from '@tensorflow/tfjs';
import { TensorFlowError, UsageError } from '../errors.ts';
import { requireFreeMemory } from './cuda-facts.ts';
import { cudaToolsFolder } from './cuda-tools.ts';
import { keepCompiledCode, setTensorFlowFlags } from './flags.ts';
import { loadNativePackage } from './load-native.ts';
import { nativeBackend } from './native/index.ts';
import { builtNativePackage, type NativeDevice } from './native-package.ts';
import { cudaCardIsVisible, nativeState } from './native-state.ts';
import { compilerSettings, xlaCacheFolder } from './xla-cache.ts';

const DEVICES = ['auto', 'cpu', 'cuda', 'wasm', 'js'] as const;

/** `js` is tfjs' plain JavaScript backend; `auto` is `cuda` for long training, `cpu` where that works, else `wasm`. */
export type DeviceName = (typeof DEVICES)[number];

/** What to load, and how it computes. */
export interface LoadOptions {
  readonly device?: DeviceName;
  /**
   * Threads of each of TensorFlow's two pools, all cores by default; counts when TensorFlow loads, so in the
   * first call only. TF_NUM_INTRAOP_THREADS and TF_NUM_INTEROP_THREADS come before it.
   */
  readonly threads?: number;
  /** Let a GPU compute float32 products in TF32, with 10 bits of mantissa. Off by default; counts in the first call only. */
  readonly tf32?: boolean;
  /** Take only kernels of a GPU that give the same bits in each run; counts in the first call only. */
  readonly deterministic?: boolean;
  /** Examples that will be trained on, each as often as it comes up: from 600,000 on `auto` takes a GPU that works. */
  readonly examples?: number;
  /** For command lines: when TensorFlow aborts the process, end it with one line on stderr and exit code 6. */
  readonly explainAborts?: boolean;
  /** Takes one line when `auto` has to make do with less than native TensorFlow. */
  readonly onNotice?: (line: string) => void;
}

/** What was loaded, and what it runs on. */
export interface LoadedTensorFlow {
  readonly tf: typeof tf;
  /** What computes: never `auto`. */
  readonly device: Exclude<DeviceName, 'auto'>;
  /** Version of native TensorFlow, such as 2.21.0; undefined on wasm and js. */
  readonly version?: string;
}

/**
 * A GPU saves 0.08 s for each 1,000 steps of DigitsNet at batch 10 and takes about 5 s longer until it has compiled
 * the first; larger nets gain sooner.
 */
const EXAMPLES_WORTH_A_GPU = 600_000;

let native: { readonly device: NativeDevice; readonly version: string } | undefined;
const failures = new Map<NativeDevice, TensorFlowError>();

/**
 * Loads the TensorFlow for `device` and makes it tfjs' backend. May be called again: native TensorFlow loads
 * once in a process, and a later call only changes the backend.
 *
 * @throws UsageError when there is no device of that name
 * @throws TensorFlowError when the device is not there, or the process already holds the other native package
 */
export async function loadTensorFlow(options: LoadOptions = {}): Promise<LoadedTensorFlow> {
  const device = options.device ?? 'auto';
  if (!DEVICES.includes(device))
    throw new UsageError('invalid-argument', `device '${device}': there are ${DEVICES.join(', ')}`);
  if (device === 'auto') return await loadBest(options);
  if (device === 'wasm' || device === 'js') return await usePortable(device);
  return await useNative(device, options);
}

/** Native TensorFlow where it works, else wasm with a line that says why. */
async function loadBest(options: LoadOptions): Promise<LoadedTensorFlow> {
  if (native) return await useNative(native.device, options);
  if ((options.examples ?? 0) >= EXAMPLES_WORTH_A_GPU && nativeState('cuda').obstacle === undefined) {
    if (cudaCardIsVisible()) {
      try {
        return await useNative('cuda', options);
      } catch (error) {
        if (!(error instanceof TensorFlowError) || native) throw error;
        options.onNotice?.(`note: not running on the GPU: ${error.message}`);
      }
    }
  }
  try {
    return await useNative('cpu', options);
  } catch (error) {
    if (!(error instanceof TensorFlowError)) throw error;
    options.onNotice?.(`note: running on wasm, which is slower: ${error.message}`);
    return await usePortable('wasm');
  }
}

async function useNative(device: NativeDevice, options: LoadOptions): Promise<LoadedTensorFlow> {
  if (native && native.device !== device) {
    throw new TensorFlowError(
      'tensorflow-failed',
      `this process runs TensorFlow for ${native.device}; start another one for ${device}`,
    );
  }
  native ??= loadNative(device, options);
  await tf.setBackend('tensorflow');
  return { tf, ...native };
}

function loadNative(
  device: NativeDevice,
  { threads, tf32 = false, deterministic = false, explainAborts = false }: LoadOptions,
): NonNullable<typeof native> {
  const failure = failures.get(device);
  if (failure) throw failure;
  try {
    const found = builtNativePackage(device);
    const cuda = {
      toolsFolder: cudaToolsFolder(found.marker?.cuda),
      tf32,
      deterministic,
      commandBuffers: found.marker?.tensorflow === '2.21.0',
    };
    setTensorFlowFlags({ threads, cuda: device === 'cuda' ? cuda : undefined });
    const settings = compilerSettings(device, { tf32 });
    keepCompiledCode(xlaCacheFolder(device, found.marker?.tensorflow ?? 'unknown', settings));
    if (device === 'cuda') requireFreeMemory();
    loadNativePackage(found, { tf32, explainAborts });
    const { binding } = nativeBackend();
    if (device === 'cuda' && !binding.isUsingGpuDevice()) {
      throw new TensorFlowError(
        'tensorflow-failed',
        "no CUDA device that TensorFlow can use; 'npx tfjs-lora doctor --device cuda' says what is missing",
      );
    }
    return { device, version: binding.TF_Version };
  } catch (error) {
    if (error instanceof TensorFlowError) failures.set(device, error);
    throw error;
  }
}

async function usePortable(device: 'wasm' | 'js'): Promise<LoadedTensorFlow> {
  if (device === 'wasm') await import('@tensorflow/tfjs-backend-wasm');
  const name = device === 'wasm' ? 'wasm' : 'cpu';
  if (!(await tf.setBackend(name)))
    throw new TensorFlowError('tensorflow-failed', `tfjs' ${name} backend does not start`);
  if (device === 'js') (tf.backend() as unknown as { firstUse: boolean }).firstUse = false; // no banner
  return { tf, device };
}

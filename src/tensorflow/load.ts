import * as tf from '@tensorflow/tfjs';
import { checkOptions } from '../arguments.ts';
import { TensorFlowError, UsageError } from '../errors.ts';
import { completeGradients, completeWasmKernels } from '../kernels/index.ts';
import { type NativeDevice, type NativePackage, nativeState } from '../setup/index.ts';
import { setTensorFlowEnvironment } from '../tensorflow-libraries/index.ts';
import { gpuIsVisible, requireFreeMemory } from './cuda/gpus.ts';
import { cudaToolsFolder } from './cuda/tools.ts';
import { registerFileUrls } from './file-urls.ts';
import { loadNativePackage, requireFloat32 } from './load-native.ts';
import { nativeBackend } from './native/backend.ts';
import { requireWithTfjs } from './require-with-tfjs.ts';

const DEVICES = ['auto', 'cpu', 'cuda', 'wasm', 'js'] as const;

/**
 * `cpu` and `cuda` are native TensorFlow, `wasm` and `js` are backends of tfjs (`js`: plain JavaScript). `auto` is `cuda`
 * for long training, else `cpu`, or `wasm` if native TensorFlow does not load.
 */
export type DeviceName = (typeof DEVICES)[number];

/** Native TensorFlow loads once in a process: the options other than `device` count in the first call only. */
export interface LoadOptions {
  /** Default: `auto`. */
  readonly device?: DeviceName;
  /**
   * Threads of each of TensorFlow's two pools. By default small training steps run on one thread, and everything else on all
   * cores. TF_NUM_INTRAOP_THREADS and TF_NUM_INTEROP_THREADS take precedence.
   */
  readonly threads?: number;
  /** Whether a GPU may compute float32 products in TF32, with 10 bits of mantissa. Default: false. */
  readonly tf32?: boolean;
  /** Whether a GPU uses only kernels that give the same bits in every run. Default: false. */
  readonly deterministic?: boolean;
  /** Training examples times epochs. From 600,000 on, `auto` uses a GPU if there is one. */
  readonly examples?: number;
  /**
   * For programs that end when TensorFlow aborts the process: returns the line to print on stderr. The process then ends
   * with the exit code of the error. By default the process ends with SIGABRT.
   */
  readonly reportAborts?: (error: TensorFlowError) => string;
  /**
   * Whether the second of the signals SIGINT, SIGTERM and SIGHUP ends the process at once, also while native TensorFlow
   * computes or compiles. Applies to signals that the program handles when TensorFlow is loaded. Default false.
   */
  readonly endAtSecondSignal?: boolean;
  /** Called with one line for each environment variable of the user that makes TensorFlow slower or less accurate. */
  readonly onNotice?: (line: string) => void;
  /** Called if `auto` cannot use a device and takes the next one. */
  readonly onFallback?: (fallback: Fallback) => void;
}

export interface Fallback {
  /** The device that is used instead. */
  readonly device: 'cpu' | 'wasm';
  /** Why the better device cannot be used. */
  readonly error: TensorFlowError;
}

/** One line for users about a fallback. @param reason the error's message */
export function fallbackNotice(device: Fallback['device'], reason: string): string {
  return device === 'cpu'
    ? `note: not running on the GPU: ${reason}`
    : `note: running on wasm, which is slower: ${reason}`;
}

/** The TensorFlow that was loaded. */
export interface LoadedTensorFlow {
  readonly tf: typeof tf;
  readonly device: Exclude<DeviceName, 'auto'>;
  /** Version of native TensorFlow, such as 2.21.0; undefined on wasm and js. */
  readonly version?: string;
}

interface NativeTensorFlow {
  readonly device: NativeDevice;
  readonly version: string;
}

/**
 * From here on `auto` takes a GPU. A GPU saves 0.08 s per 1,000 steps of DigitsNet at batch size 10, and takes about 5 s
 * longer to compile the first step. Larger models gain sooner.
 */
const EXAMPLES_WORTH_A_GPU = 600_000;

/** The native TensorFlow of this process. */
let native: NativeTensorFlow | undefined;
/** Attempts to load it. A failed attempt is not repeated, and concurrent calls share one. */
const attempts = new Map<NativeDevice, Promise<NativeTensorFlow>>();

/**
 * Loads TensorFlow for a device and makes it the backend of tfjs. Later calls only switch the backend. On every device
 * `file://` URLs load and save models.
 *
 * @throws UsageError if the device is unknown, or an option is not what its type says
 * @throws TensorFlowError if the device cannot be used, or the process has loaded TensorFlow for the other native device
 * @example
 * const { device, version } = await loadTensorFlow({ device: 'cpu' });
 */
export async function loadTensorFlow(options: LoadOptions = {}): Promise<LoadedTensorFlow> {
  checkOptions(options, {
    threads: 'number?',
    tf32: 'boolean?',
    deterministic: 'boolean?',
    examples: 'number?',
    reportAborts: 'function?',
    endAtSecondSignal: 'boolean?',
    onNotice: 'function?',
    onFallback: 'function?',
  });
  completeGradients();
  const { device = 'auto' } = options;
  if (!DEVICES.includes(device)) {
    throw new UsageError('invalid-argument', `device '${device}': unknown; use one of ${DEVICES.join(', ')}`);
  }
  if (device === 'auto') return await useBest(options);
  if (device === 'wasm' || device === 'js') return await usePortable(device);
  return await useNative(device, options);
}

/** The device that was loaded before, else the first of cuda (for long training), cpu and wasm that works. */
async function useBest(options: LoadOptions): Promise<LoadedTensorFlow> {
  if (native) return await useNative(native.device, options);
  if ((options.examples ?? 0) >= EXAMPLES_WORTH_A_GPU && gpuIsVisible() && !nativeState('cuda').problem) {
    try {
      return await useNative('cuda', options);
    } catch (error) {
      if (!(error instanceof TensorFlowError) || native) throw error;
      options.onFallback?.({ device: 'cpu', error });
    }
  }
  try {
    return await useNative('cpu', options);
  } catch (error) {
    if (!(error instanceof TensorFlowError)) throw error;
    options.onFallback?.({ device: 'wasm', error });
    return await usePortable('wasm');
  }
}

async function useNative(device: NativeDevice, options: LoadOptions): Promise<LoadedTensorFlow> {
  requireNoOtherDevice(device);
  const attempt = attempts.get(device) ?? loadNative(device, options);
  attempts.set(device, attempt);
  native = await attempt;
  await tf.setBackend('tensorflow');
  return { tf, ...native };
}

function requireNoOtherDevice(device: NativeDevice): void {
  if (!native || native.device === device) return;
  throw new TensorFlowError(
    'tensorflow-failed',
    `this process has loaded TensorFlow for ${native.device}; use another process for ${device}`,
  );
}

async function loadNative(device: NativeDevice, options: LoadOptions): Promise<NativeTensorFlow> {
  const { nativePackage, problem } = nativeState(device);
  if (!nativePackage || problem) throw problem;
  requireFloat32(nativePackage, options);
  await setEnvironment(nativePackage, options);
  requireNoOtherDevice(device); // another call may have loaded it meanwhile
  if (device === 'cuda') requireFreeMemory();
  const { tf32 = false, reportAborts, endAtSecondSignal } = options;
  loadNativePackage(nativePackage, { tf32, reportAborts, endAtSecondSignal });
  const { binding } = nativeBackend();
  if (device === 'cuda' && !binding.isUsingGpuDevice()) {
    throw new TensorFlowError('cuda-unavailable', 'TensorFlow finds no CUDA device that it can use');
  }
  return { device, version: binding.TF_Version };
}

/** Sets the variables that TensorFlow reads while it loads. */
async function setEnvironment(
  nativePackage: NativePackage,
  { threads, tf32 = false, deterministic = false, onNotice }: LoadOptions,
): Promise<void> {
  const { device, marker } = nativePackage;
  const cuda = {
    toolsFolder: cudaToolsFolder(marker?.cuda),
    tf32,
    deterministic,
    commandBuffers: marker?.tensorflow === '2.21.0',
  };
  const flags = { threads, cuda: device === 'cuda' ? cuda : undefined };
  const notices = await setTensorFlowEnvironment(nativePackage, flags);
  for (const notice of notices) onNotice?.(notice);
}

async function usePortable(device: 'wasm' | 'js'): Promise<LoadedTensorFlow> {
  registerFileUrls();
  if (device === 'wasm') {
    requireWithTfjs('@tensorflow/tfjs-backend-wasm');
    completeWasmKernels();
  }
  const name = device === 'wasm' ? 'wasm' : 'cpu';
  if (!(await tf.setBackend(name))) {
    throw new TensorFlowError('tensorflow-failed', `tfjs cannot start its backend '${name}'`);
  }
  // tfjs would print a banner that recommends tfjs-node.
  if (device === 'js') (tf.backend() as unknown as { firstUse: boolean }).firstUse = false;
  return { tf, device };
}

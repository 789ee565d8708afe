import { accessSync, constants, mkdirSync } from 'node:fs';

export interface TensorFlowFlags {
  /** Threads of TensorFlow's two pools, both; TensorFlow takes all cores where it is not given. */
  readonly threads?: number;
  /** Set for a GPU. */
  readonly cuda?: CudaFlags;
}

export interface CudaFlags {
  /** Folder with `nvvm/libdevice` and `bin/ptxas`; where it is not given XLA looks in its usual places. */
  readonly toolsFolder?: string;
  /** Let float32 products be computed in TF32, with 10 bits of mantissa. */
  readonly tf32: boolean;
  /** Let CUDA graphs hold loops as well; only TensorFlow 2.21 is known to know the flags. */
  readonly commandBuffers: boolean;
  /** Take only kernels that give the same bits in each run. */
  readonly deterministic: boolean;
}

/** XLA's own choice, and loops, which then need not come back to the host for each turn. */
const COMMAND_BUFFERS = 'FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,DYNAMIC_SLICE_FUSION,WHILE,CONDITIONAL';

/**
 * Sets what TensorFlow reads from the environment while it loads. What the user has set stays. Only
 * flags that TensorFlow knows may go into TF_XLA_FLAGS and XLA_FLAGS: it ends the process at the first unknown one.
 */
export function setTensorFlowFlags(flags: TensorFlowFlags, env: NodeJS.ProcessEnv = process.env): void {
  // What fails comes back as an error; at level 2 a warm XLA cache prints pages about processor features.
  env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  if (flags.threads !== undefined) {
    env.TF_NUM_INTRAOP_THREADS ??= String(flags.threads);
    env.TF_NUM_INTEROP_THREADS ??= String(flags.threads);
  }
  if (flags.cuda) setCudaFlags(flags.cuda, env);
  // One kernel then moves a weight and its slots together, where XLA would read and write them in one each.
  else addFlag(env, 'XLA_FLAGS', '--xla_backend_extra_options', 'xla_cpu_use_multi_output_fusion');
}

/** Lets XLA keep compiled code in a folder, unless the user named one or it cannot hold any. */
export function keepCompiledCode(folder: string, env: NodeJS.ProcessEnv = process.env): void {
  if (canHoldXlaCache(folder)) {
    addFlag(env, 'TF_XLA_FLAGS', '--tf_xla_persistent_cache_directory', folder);
  }
}

function setCudaFlags(
  { toolsFolder, tf32, deterministic, commandBuffers }: CudaFlags,
  env: NodeJS.ProcessEnv,
): void {
  // Memory as it is needed, so that processes can share a card.
  env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  // Heeded by cuBLAS and cuDNN; XLA's own kernels are told through the addon.
  if (!tf32) env.NVIDIA_TF32_OVERRIDE ??= '0';
  // Not TF_DETERMINISTIC_OPS: with it TensorFlow refuses ops such as softmax cross entropy outside XLA.
  if (deterministic) addFlag(env, 'XLA_FLAGS', '--xla_gpu_deterministic_ops', 'true');
  if (commandBuffers) {
    addFlag(env, 'XLA_FLAGS', '--xla_gpu_enable_command_buffer', COMMAND_BUFFERS);
    addFlag(env, 'XLA_FLAGS', '--xla_gpu_command_buffer_scheduling_mode', 'CONCURRENT');
  }
  if (toolsFolder) addFlag(env, 'XLA_FLAGS', '--xla_gpu_cuda_data_dir', toolsFolder);
}

/** Adds a flag unless the user gave it. Flags are split at spaces, so a value with one cannot be passed. */
function addFlag(
  env: NodeJS.ProcessEnv,
  variable: 'TF_XLA_FLAGS' | 'XLA_FLAGS',
  flag: string,
  value: string,
): void {
  const given = env[variable] ?? '';
  if (given.includes(flag) || /\s/.test(value)) return;
  env[variable] = `${given} ${flag}=${value}`.trim();
}

function canHoldXlaCache(folder: string): boolean {
  if (/\s/.test(folder)) return false;
  try {
    mkdirSync(folder, { recursive: true });
    // XLA refuses to compile where it cannot keep what it compiled.
    accessSync(folder, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

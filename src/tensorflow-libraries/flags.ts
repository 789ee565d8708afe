/** Settings of TensorFlow that it reads from environment variables while it loads. */
export interface TensorFlowFlags {
  /** Threads of each of TensorFlow's two pools; see `LoadOptions`. */
  readonly threads?: number;
  /** Set for a GPU. */
  readonly cuda?: CudaFlags;
}

export interface CudaFlags {
  /** Folder with `nvvm/libdevice` and `bin/ptxas`; by default XLA searches its usual places. */
  readonly toolsFolder?: string;
  /** Whether float32 products may be computed in TF32, with 10 bits of mantissa. */
  readonly tf32: boolean;
  /** Whether CUDA graphs may contain loops. TensorFlow 2.21 has the flags; other versions may not. */
  readonly commandBuffers: boolean;
  /** Whether to use only kernels that give the same bits in every run. */
  readonly deterministic: boolean;
}

/** XLA's default plus WHILE and CONDITIONAL: then a loop does not return to the host after each iteration. */
const COMMAND_BUFFERS = 'FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,DYNAMIC_SLICE_FUSION,WHILE,CONDITIONAL';

/**
 * Sets the variables that TensorFlow reads while it loads, except those that the user has set. TensorFlow ends the
 * process at the first flag in TF_XLA_FLAGS or XLA_FLAGS that it does not know.
 *
 * @returns one line for each variable or flag of the user that makes TensorFlow slower or less accurate, with the effect
 */
export function setTensorFlowFlags(flags: TensorFlowFlags, env: NodeJS.ProcessEnv = process.env): string[] {
  // Errors are thrown as well, so their log lines are not needed. At level 2, XLA logs a page about processor features
  // for each program that it finds in its cache.
  env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  if (flags.threads !== undefined) {
    env.TF_NUM_INTRAOP_THREADS ??= String(flags.threads);
    env.TF_NUM_INTEROP_THREADS ??= String(flags.threads);
  }
  if (flags.cuda) return setCudaFlags(flags.cuda, env);
  // Compared with level 3, LLVM compiles faster, and its code for attention is faster too.
  addFlag(env, 'XLA_FLAGS', '--xla_backend_optimization_level', '2');
  // One kernel then updates a weight and its optimizer slots together, instead of one kernel for each.
  const kept = addFlag(env, 'XLA_FLAGS', '--xla_backend_extra_options', 'xla_cpu_use_multi_output_fusion');
  return kept ? [`${kept}; training with XLA may be slower`] : [];
}

/** Whether the user has set how many threads TensorFlow has. */
export function threadsAreSet(env: NodeJS.ProcessEnv = process.env): boolean {
  return env.TF_NUM_INTRAOP_THREADS !== undefined || env.TF_NUM_INTEROP_THREADS !== undefined;
}

/** Sets the folder in which XLA keeps compiled code, unless the user named one. */
export function setXlaCacheFolder(folder: string, env: NodeJS.ProcessEnv = process.env): void {
  addFlag(env, 'TF_XLA_FLAGS', '--tf_xla_persistent_cache_directory', folder);
}

function setCudaFlags(
  { toolsFolder, tf32, deterministic, commandBuffers }: CudaFlags,
  env: NodeJS.ProcessEnv,
): string[] {
  const notices: string[] = [];
  const add = (flag: string, value: string, effect: string) => {
    const kept = addFlag(env, 'XLA_FLAGS', flag, value);
    if (kept) notices.push(`${kept}; ${effect}`);
  };
  // Allocate memory as it is needed, so that processes can share a GPU.
  env.TF_FORCE_GPU_ALLOW_GROWTH ??= 'true';
  // Read by cuBLAS and cuDNN; for XLA's own kernels see tensor-float32.ts.
  if (!tf32) env.NVIDIA_TF32_OVERRIDE ??= '0';
  if (!tf32 && env.NVIDIA_TF32_OVERRIDE !== '0') {
    notices.push(
      `NVIDIA_TF32_OVERRIDE is ${env.NVIDIA_TF32_OVERRIDE}, not 0; float32 products may be computed in TF32, with a 10-bit mantissa`,
    );
  }
  // Not TF_DETERMINISTIC_OPS, with which TensorFlow refuses ops such as softmax cross-entropy outside XLA.
  if (deterministic) add('--xla_gpu_deterministic_ops', 'true', 'results may differ between runs');
  if (commandBuffers) {
    const effect = 'training may be slower';
    add('--xla_gpu_enable_command_buffer', COMMAND_BUFFERS, effect);
    add('--xla_gpu_command_buffer_scheduling_mode', 'CONCURRENT', effect);
  }
  if (toolsFolder)
    add('--xla_gpu_cuda_data_dir', toolsFolder, 'XLA needs libdevice and ptxas in that folder');
  return notices;
}

/**
 * Adds a flag unless the user set it. A value with a space is left out: TensorFlow splits flags at spaces.
 *
 * @returns the user's flag in words, if its value differs
 */
function addFlag(
  env: NodeJS.ProcessEnv,
  variable: 'TF_XLA_FLAGS' | 'XLA_FLAGS',
  flag: string,
  value: string,
): string | undefined {
  const flags = env[variable] ?? '';
  if (/\s/.test(value)) return undefined;
  const own = flags.split(/\s+/).findLast((word) => word === flag || word.startsWith(`${flag}=`));
  if (own === undefined) env[variable] = `${flags} ${flag}=${value}`.trim();
  return own === undefined || own === `${flag}=${value}` ? undefined : `${variable} has ${own}`;
}

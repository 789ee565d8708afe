import { mkdirSync } from 'node:fs';

export interface TensorFlowFlags {
  /** Threads of TensorFlow's two pools, both; TensorFlow takes all cores where it is not given. */
  readonly threads?: number;
  /** Folder in which XLA keeps compiled code; none is kept where it is not given. */
  readonly xlaCacheFolder?: string;
}

/**
 * Sets what TensorFlow reads from the environment while it loads. What the user has set stays. Only
 * flags that TensorFlow knows may go into TF_XLA_FLAGS: it ends the process at the first unknown one.
 */
export function setTensorFlowFlags(flags: TensorFlowFlags, env: NodeJS.ProcessEnv = process.env): void {
  // What fails comes back as an error; at level 2 a warm XLA cache prints pages about processor features.
  env.TF_CPP_MIN_LOG_LEVEL ??= '3';
  if (flags.threads !== undefined) {
    env.TF_NUM_INTRAOP_THREADS ??= String(flags.threads);
    env.TF_NUM_INTEROP_THREADS ??= String(flags.threads);
  }
  const given = env.TF_XLA_FLAGS ?? '';
  if (flags.xlaCacheFolder && !given.includes('--tf_xla_persistent_cache_directory')) {
    const flag = xlaCacheFlag(flags.xlaCacheFolder);
    if (flag) env.TF_XLA_FLAGS = `${given} ${flag}`.trim();
  }
}

/** The flags are split at spaces, so a folder with one cannot be named; nor one that cannot be made. */
function xlaCacheFlag(folder: string): string | undefined {
  if (/\s/.test(folder)) return undefined;
  try {
    mkdirSync(folder, { recursive: true });
  } catch {
    return undefined;
  }
  return `--tf_xla_persistent_cache_directory=${folder}`;
}

import envPaths from 'env-paths';

/**
 * The folder for files that can be made again: TensorFlow's libraries, compiled code, a Python environment.
 * `TFJS_LORA_CACHE` if set, else the platform's cache folder, such as `~/.cache/tfjs-lora`.
 */
export function cacheFolder(): string {
  return process.env.TFJS_LORA_CACHE || envPaths('tfjs-lora', { suffix: '' }).cache;
}

import { homedir } from 'node:os';
import { join } from 'node:path';

/**
 * Where this program keeps what can be made again: TensorFlow's libraries, compiled code, a Python
 * environment. `TFJS_LORA_CACHE` names another folder; else it follows the platform's custom.
 *
 * @param {NodeJS.ProcessEnv} [env]
 * @param {NodeJS.Platform} [platform]
 * @returns {string}
 */
export function cacheFolder(env = process.env, platform = process.platform) {
  if (env.TFJS_LORA_CACHE) return env.TFJS_LORA_CACHE;
  if (platform === 'win32') {
    return join(env.LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'tfjs-lora', 'Cache');
  }
  if (platform === 'darwin') return join(homedir(), 'Library', 'Caches', 'tfjs-lora');
  return join(env.XDG_CACHE_HOME || join(homedir(), '.cache'), 'tfjs-lora');
}

import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * A folder with what XLA needs to compile for a GPU, libdevice and ptxas, or undefined where there is none: set-up's
 * own, then those that CUDA_HOME and CUDA_PATH name, the system's, and the one whose ptxas is in PATH.
 *
 * @param own where set-up put them
 */
export function cudaToolsFolder(
  own: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const inPath = (env.PATH ?? '').split(delimiter).find((folder) => existsSync(join(folder, 'ptxas')));
  const candidates = [own, env.CUDA_HOME, env.CUDA_PATH, '/usr/local/cuda', inPath && dirname(inPath)];
  return candidates.find((folder) => folder && existsSync(join(folder, 'nvvm', 'libdevice')));
}

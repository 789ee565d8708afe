import { existsSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';

/**
 * The folder with the tools that XLA needs to compile for a GPU, libdevice and ptxas, or undefined if there is none.
 * Searched in this order: the folder of set-up, CUDA_HOME, CUDA_PATH, /usr/local/cuda, the ptxas in PATH.
 *
 * @param setUpFolder where set-up put the tools
 */
export function cudaToolsFolder(
  setUpFolder: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  const ptxasFolder = (env.PATH ?? '').split(delimiter).find((folder) => existsSync(join(folder, 'ptxas')));
  const candidates = [setUpFolder, env.CUDA_HOME, env.CUDA_PATH, '/usr/local/cuda'];
  if (ptxasFolder) candidates.push(dirname(ptxasFolder));
  return candidates.find((folder) => folder && existsSync(join(folder, 'nvvm', 'libdevice')));
}

import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { cudaToolsFolder } from '../../../src/tensorflow/cuda/tools.ts';
import { temporaryFolder } from '../../helpers/temporary.ts';

/** A folder with the CUDA tools. */
async function toolsFolder(): Promise<string> {
  const folder = await temporaryFolder();
  await mkdir(join(folder, 'nvvm/libdevice'), { recursive: true });
  return folder;
}

test("set-up's CUDA tools come first, then those of CUDA_HOME and CUDA_PATH", async () => {
  const [setUp, home] = [await toolsFolder(), await toolsFolder()];
  expect(cudaToolsFolder(setUp, { CUDA_HOME: home })).toBe(setUp);
  expect(cudaToolsFolder('/gone', { CUDA_HOME: home })).toBe(home);
  expect(cudaToolsFolder(undefined, { CUDA_HOME: '/gone', CUDA_PATH: home })).toBe(home);
});

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { AppError } from '../../errors.ts';
import { addonFiles, type NativePackage } from '../../setup/index.ts';

/** Why TensorFlow cannot use a GPU: to be shown, not thrown. */
export type CudaProblem = Pick<AppError, 'code' | 'message'>;

/**
 * Loads TensorFlow in a process of its own and reports why it does not use a GPU, as TensorFlow explains it.
 *
 * @returns nothing if TensorFlow gives no reason, or is not set up
 */
export function cudaProblems({ addon, addonFolder }: NativePackage): CudaProblem[] {
  if (!existsSync(addon)) return [];
  // As in `loadNativePackage`; then TensorFlow looks for devices, and logs each library that it cannot load.
  const preload = join(addonFolder, addonFiles.preload);
  const script = `
    ${existsSync(preload) ? `require(${JSON.stringify(preload)}).preload();` : ''}
    require(${JSON.stringify(addon)}).isUsingGpuDevice();`;
  const env = { ...process.env, TF_CPP_MIN_LOG_LEVEL: '0', TF_CPP_VMODULE: 'dso_loader=1' };
  const { stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8', env, timeout: 60_000 });
  return parseDeviceLog(stderr ?? '');
}

/** Reads the problems from what TensorFlow logs while it looks for devices. */
export function parseDeviceLog(log: string): CudaProblem[] {
  const libraries = log.matchAll(
    /Could not load dynamic library '(.+?)'; dlerror: (.+?)(?:; LD_LIBRARY_PATH.*)?$/gm,
  );
  const driverErrors = log.matchAll(/failed call to cuInit: (.+)$/gm);
  return [
    ...[...libraries].map(([, name, reason]): CudaProblem => {
      return name === 'libcuda.so.1'
        ? { code: 'cuda-unavailable', message: `TensorFlow cannot load the driver's library (${reason})` }
        : { code: 'cuda-not-set-up', message: `TensorFlow cannot load ${name} (${reason})` };
    }),
    ...[...driverErrors].map(([, reason]): CudaProblem => {
      return { code: 'cuda-unavailable', message: `the driver does not start (${reason})` };
    }),
  ];
}

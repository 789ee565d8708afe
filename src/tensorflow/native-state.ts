import { existsSync } from 'node:fs';
import { findNativePackage, type NativeDevice, type NativePackage, setupCommand } from './native-package.ts';

/** What is installed for a native device, found out without loading it. */
export interface NativeState {
  readonly installed?: NativePackage;
  /** What stands in the way and what to do about it; undefined where it should load. */
  readonly obstacle?: string;
}

/** Finds out whether the native package for a device should load, and if not, why. */
export function nativeState(device: NativeDevice): NativeState {
  const installed = findNativePackage(device);
  if (!installed) {
    return { obstacle: `the npm package is not installed; ${setupCommand(device)} says how` };
  }
  if (!existsSync(installed.addon)) {
    return { installed, obstacle: `its addon is not built; run ${setupCommand(device)}` };
  }
  const libraries = installed.marker?.libraries;
  if (libraries && !existsSync(libraries)) {
    return { installed, obstacle: `${libraries} is gone; run ${setupCommand(device)}` };
  }
  return { installed };
}

/** Whether there is an NVIDIA card that this process may use; nothing is loaded to find out. */
export function cudaCardIsVisible(env: NodeJS.ProcessEnv = process.env): boolean {
  if (['', '-1'].includes(env.CUDA_VISIBLE_DEVICES ?? '0')) return false;
  return existsSync('/dev/nvidiactl') || existsSync('/dev/dxg');
}

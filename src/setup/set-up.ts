import { existsSync } from 'node:fs';
import { TensorFlowError } from '../errors.ts';
import { addonIsInstalled, installAddon } from './addon.ts';
import { cacheFolder } from './cache-folder.ts';
import { findLibraries, installLibraries } from './libraries.ts';
import type { SetUpListener } from './listener.ts';
import { withLock } from './lock.ts';
import {
  findNativePackage,
  type NativeDevice,
  packageMissing,
  packageRoot,
  platformUnsupported,
} from './native-package.ts';
import { nativeIsDeclined } from './wheel-source.ts';

export interface SetUpOptions {
  /** The device that must work afterwards; `auto` is `cpu` if that is possible, else `wasm`. */
  readonly device?: NativeDevice | 'auto' | 'wasm';
  readonly listener: SetUpListener;
  /** Folder from which npm packages are looked up, by default that of tfjs-lora. */
  readonly root?: string;
}

/** What works after set-up. */
export interface SetUpResult {
  readonly device: NativeDevice | 'wasm';
  /** Why `auto` fell back to wasm. */
  readonly problem?: TensorFlowError;
}

/**
 * Makes a device ready: TensorFlow's libraries in the cache folder, and tfjs-node's addon compiled against them. Does
 * only what is not done yet.
 *
 * @throws TensorFlowError if the device cannot be made ready, except for `auto`
 */
export async function setUp({
  device = 'auto',
  listener,
  root = packageRoot,
}: SetUpOptions): Promise<SetUpResult> {
  if (device === 'wasm' || nativeIsDeclined()) return { device: 'wasm' };
  const nativeDevice = device === 'auto' ? 'cpu' : device;
  try {
    if (!isSetUp(nativeDevice, root)) await setUpNative(nativeDevice, root, listener);
    return { device: nativeDevice };
  } catch (error) {
    if (!(error instanceof TensorFlowError) || device !== 'auto') throw error;
    return { device: 'wasm', problem: error };
  }
}

/** Whether set-up has nothing to do for a native device. */
export function isSetUp(device: NativeDevice, root = packageRoot): boolean {
  const nativePackage = findNativePackage(device, root);
  const libraries = findLibraries(device);
  return nativePackage !== undefined && libraries !== undefined && addonIsInstalled(nativePackage, libraries);
}

async function setUpNative(device: NativeDevice, root: string, listener: SetUpListener): Promise<void> {
  const nativePackage = findNativePackage(device, root);
  const unsupported = platformUnsupported();
  // An addon that the package's own install script downloaded, for this platform.
  if (unsupported && nativePackage && !nativePackage.marker && existsSync(nativePackage.addon)) return;
  if (unsupported) throw unsupported;
  if (!nativePackage) throw packageMissing(device);
  const work = async () => {
    if (isSetUp(device, root)) return; // by another process, meanwhile
    const libraries = findLibraries(device) ?? (await installLibraries(device, listener));
    await installAddon(nativePackage, libraries, root, listener.onStep);
  };
  await withLock(cacheFolder(), work, () => listener.onStep('another set-up is running; waiting for it'));
}

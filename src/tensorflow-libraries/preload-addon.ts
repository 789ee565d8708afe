import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { addonFiles, type NativePackage } from '../setup/index.ts';

const require = createRequire(import.meta.url);

/** The functions of src/setup/tensorflow-preload.cc, which set-up compiles. */
export interface PreloadAddon {
  preload(): void;
  /** Undefined in addons of earlier versions. */
  startLoading?(): void;
  /** Undefined in addons of earlier versions. */
  finishLoading?(): void;
  allowTensorFloat32(allowed: boolean): boolean;
  /** Undefined in addons of earlier versions. */
  reportAborts?(text: string, exitCode: number): void;
  /** Undefined in addons of earlier versions. */
  endAtSecondSignal?(): void;
}

/**
 * Loads the addon of set-up; undefined if another program installed tfjs-node's addon.
 *
 * @throws Error if it does not load
 */
export function loadPreloadAddon({ addonFolder }: NativePackage): PreloadAddon | undefined {
  const path = join(addonFolder, addonFiles.preload);
  return existsSync(path) ? (require(path) as PreloadAddon) : undefined;
}

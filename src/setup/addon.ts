import { copyFileSync, existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { TensorFlowError } from '../errors.ts';
import {
  ensureDir,
  jsonText,
  releaseTemporary,
  removeLeftFiles,
  temporaryName,
  withFileErrors,
  writeFileAtomic,
} from '../files/index.ts';
import { cacheFolder } from './cache-folder.ts';
import { addonKey, compileAddon, versionFile } from './compile-addon.ts';
import type { TensorFlowLibraries } from './libraries.ts';
import { type AddonMarker, addonFiles, addonNames, fileSize, type NativePackage } from './native-package.ts';

/** Whether the package contains a complete addon, compiled from its current sources against these libraries. */
export function addonIsInstalled(nativePackage: NativePackage, libraries: TensorFlowLibraries): boolean {
  return nativePackage.marker?.key === addonKey(nativePackage, libraries);
}

/**
 * Puts the compiled addon into the package. Compiles it unless the cache folder holds it already.
 *
 * @param root folder from which npm packages are looked up
 * @param onStep called with one line if the addon is compiled
 * @throws TensorFlowError if it cannot be compiled or written
 */
export async function installAddon(
  nativePackage: NativePackage,
  libraries: TensorFlowLibraries,
  root: string,
  onStep: (line: string) => void,
): Promise<void> {
  const key = addonKey(nativePackage, libraries);
  const compiled = join(cacheFolder(), 'addon', key.slice(0, 16));
  if (!existsSync(join(compiled, versionFile))) {
    await withFileErrors(TensorFlowError, compiled, 'written', () =>
      compileAddon(nativePackage, libraries, root, compiled, onStep),
    );
  }
  await withFileErrors(TensorFlowError, nativePackage.addonFolder, 'written', () =>
    copyAddon(compiled, nativePackage, libraries, key),
  );
}

async function copyAddon(
  compiled: string,
  { addonFolder }: NativePackage,
  libraries: TensorFlowLibraries,
  key: string,
): Promise<void> {
  await ensureDir(addonFolder);
  for (const name of addonNames) {
    // Renamed into place, because another process may have the old file loaded.
    const target = join(addonFolder, name);
    await removeLeftFiles(target);
    const copy = temporaryName(target, 'partial');
    copyFileSync(join(compiled, name), copy);
    renameSync(copy, target);
    releaseTemporary(copy);
  }
  const marker: AddonMarker = {
    tensorflow: readFileSync(join(compiled, versionFile), 'utf8'),
    libraries: libraries.folder,
    cuda: libraries.cudaTools,
    key,
    sizes: Object.fromEntries(addonNames.map((name) => [name, fileSize(join(addonFolder, name)) ?? 0])),
  };
  await writeFileAtomic(join(addonFolder, addonFiles.marker), `${jsonText(marker)}\n`);
}

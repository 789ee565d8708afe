export { cacheFolder, cacheParts } from './cache-folder.ts';
export { cudaLibraries } from './cuda-libraries.ts';
export type { DownloadProgress } from './listener.ts';
export { withLock } from './lock.ts';
export {
  addonFiles,
  findNativePackage,
  type NativeDevice,
  type NativePackage,
  nativeState,
  notSetUp,
  secondTfjs,
} from './native-package.ts';
export { isSetUp, type SetUpOptions, setUp } from './set-up.ts';

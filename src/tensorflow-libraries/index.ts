export { setTensorFlowEnvironment } from './environment.ts';
export { threadsAreSet } from './flags.ts';
export { loadPreloadAddon, type PreloadAddon } from './preload-addon.ts';
export { startLoadingTensorFlow } from './start-loading.ts';
export { clearXlaCache, compilerSettings, deleteCacheFile, xlaCacheFolder } from './xla-cache.ts';

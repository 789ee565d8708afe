export { cacheFolder } from '../../scripts/setup/cache-folder.mjs';
export { type DeviceName, type LoadedTensorFlow, type LoadOptions, loadTensorFlow } from './load.ts';
export { clearXlaCache, xlaCacheFolder } from './xla-cache.ts';

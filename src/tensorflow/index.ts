export { cacheFolder } from '../../scripts/setup/cache-folder.mjs';
export { type CacheFacts, cacheFacts } from './caches.ts';
export { type CudaFacts, cudaAdvice, cudaFacts } from './cuda-facts.ts';
export { type DeviceName, type LoadedTensorFlow, type LoadOptions, loadTensorFlow } from './load.ts';
export type { NativeDevice } from './native-package.ts';
export { type NativeState, nativeState } from './native-state.ts';
export { clearXlaCache, xlaCacheFolder } from './xla-cache.ts';

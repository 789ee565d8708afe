export { cacheFolder } from '../../scripts/setup/cache-folder.mjs';
export { cacheFacts } from './caches.ts';
export { cudaAdvice, cudaFacts } from './cuda-facts.ts';
export { cudaObstacles } from './cuda-obstacles.ts';
export { type DeviceName, type LoadedTensorFlow, loadTensorFlow } from './load.ts';
export { nativeState } from './native-state.ts';

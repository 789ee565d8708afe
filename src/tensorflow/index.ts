export { threadsAreSet } from '../tensorflow-libraries/index.ts';
export { cudaProblems } from './cuda/problems.ts';
export { cudaFacts, unmetRequirements } from './cuda/requirements.ts';
export { DeviceError, deviceErrorOfOp } from './errors.ts';
export {
  type DeviceName,
  fallbackNotice,
  type LoadedTensorFlow,
  type LoadOptions,
  loadTensorFlow,
} from './load.ts';
export * from './native/index.ts';
export { explicitPrecisionAllowed, withExplicitPrecision } from './tensor-float32.ts';

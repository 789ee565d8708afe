export { contentHash, weightsHash } from './content-hash.ts';
export * from './errors.ts';
export * from './gates/index.ts';
export * from './inference/index.ts';
export * from './lora/index.ts';
export * from './metrics/index.ts';
export {
  createDigitsNet,
  type DigitsNetOptions,
  type Head,
  imageShape,
  type LayerSummary,
  type ModelSummary,
  mnistNormalization,
  modelSummary,
  type Normalization,
  normalize,
} from './models/index.ts';
export * from './peft/index.ts';
export * from './report/index.ts';
export {
  loadModel,
  openRun,
  type Run,
  type RunManifest,
  readManifest,
  readState,
  saveModel,
  writeState,
} from './runs/index.ts';
export * from './safetensors/index.ts';
export { type DeviceName, type LoadedTensorFlow, loadTensorFlow } from './tensorflow/index.ts';
export { assignStateDict, digitsNetFrom, type StateDictOptions, toStateDict } from './torch/index.ts';
export * from './training/index.ts';
export {
  adapterWarnings,
  type Check,
  type DeadUnits,
  deadUnits,
  inspectAdapters,
  type LayerInspection,
  type VerifyOptions,
  verify,
} from './verification/index.ts';

/** The entry point `tfjs-lora/models`: DigitsNet, model files, content hashes, PyTorch weights, adapter inspection. */
export { contentHash, weightsHash } from '../content-hash.ts';
export {
  createDigitsNet,
  type DigitsNetOptions,
  type Head,
  type LayerSummary,
  type ModelSummary,
  mnistNormalization,
  modelSummary,
  type Normalization,
  normalize,
  withoutSoftmax,
} from '../models/index.ts';
export {
  loadLayersModel,
  loadModel,
  openRun,
  type Run,
  type RunManifest,
  readManifest,
  readState,
  saveModel,
  writeState,
} from '../runs/index.ts';
export type { SafeTensor } from '../safetensors/index.ts';
export { assignStateDict, digitsNetFrom, type StateDictOptions, toStateDict } from '../torch/index.ts';
export type { TrainingState } from '../training/index.ts';
export {
  adapterWarnings,
  type DeadUnits,
  deadUnits,
  inspectAdapters,
  type LayerInspection,
} from '../verification/index.ts';

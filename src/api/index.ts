/**
 * The entry point `tfjs-lora`: recipes, adapters, training and evaluation of any LayersModel, PEFT files and errors.
 * Everything else is in a subpath of its own, listed in docs/api.md.
 */
export {
  AppError,
  CheckpointError,
  DataError,
  type ErrorCode,
  GateError,
  TensorFlowError,
  TrainingError,
  UsageError,
} from '../errors.ts';
export type { Gates } from '../gates/index.ts';
export { createEvaluator, type EvaluateOptions, type Evaluator, evaluate } from '../inference/index.ts';
export {
  activeAdapters,
  addAdapter,
  addWeightedAdapter,
  deleteAdapter,
  disableAdapters,
  enableAdapters,
  type InjectOptions,
  injectLora,
  type LayerPattern,
  type LoraBias,
  type LoraConfig,
  type LoraInit,
  type LoraMethod,
  type LoraSummary,
  loraSummary,
  mergeLora,
  setActiveAdapters,
  setAdapterStrength,
  unmergeLora,
  type WeightedAdapter,
} from '../lora/index.ts';
export { type Comparison, compareEvaluations, type Evaluation, overall, perClass } from '../metrics/index.ts';
export { createDigitsNet, type DigitsNetOptions } from '../models/index.ts';
export { type LoadPeftOptions, loadPeft, type SavePeftOptions, savePeft } from '../peft/index.ts';
export {
  type CompareReportsOptions,
  compareReports,
  type EvaluateRunOptions,
  evaluateRun,
  type FinetuneOptions,
  type FinetuneResult,
  finetune,
  type GuardSettings,
  type OptimizerSettings,
  type PretrainOptions,
  type PretrainResult,
  pretrain,
  type RecipeOptions,
  type RunEvaluation,
  type RunSource,
  type TrainingRecipeOptions,
} from '../recipes/index.ts';
export type { Report } from '../report/index.ts';
export { openRun, type Run, type RunManifest } from '../runs/index.ts';
export {
  type DeviceName,
  type LoadedTensorFlow,
  type LoadOptions,
  loadTensorFlow,
} from '../tensorflow/index.ts';
export {
  classificationTask,
  createEngine,
  type Engine,
  type EngineName,
  type OptimizerConfig,
  type TaskOptions,
  type TrainingProgress,
  type TrainingResult,
  type TrainingTask,
  type TrainOptions,
  train,
  trainingTask,
  trainToEnd,
} from '../training/index.ts';
export { type Check, type VerifyOptions, verify } from '../verification/index.ts';

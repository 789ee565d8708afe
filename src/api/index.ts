/**
 * The entry point `tfjs-lora`: recipes, adapters, training and evaluation of any LayersModel, PEFT files and errors.
 * Everything else is in a subpath of its own, listed in docs/api.md.
 */

export type { ImageDataset, Sampler } from '../data/index.ts';
export {
  AppError,
  CheckpointError,
  DataError,
  type ErrorCode,
  GateError,
  QueueError,
  TensorFlowError,
  TrainingError,
  UsageError,
} from '../errors.ts';
export type { GateResult, Gates } from '../gates/index.ts';
export {
  type GraphModelLayerOptions,
  graphModelLayer,
  injectLora,
  LoraGraphModel,
  loraTargets,
  mergeLora,
  unloadLora,
} from '../graph-models/index.ts';
export {
  type ClassifierOptions,
  createEvaluator,
  type EvaluateOptions,
  type Evaluator,
  evaluate,
} from '../inference/index.ts';
export {
  type AdapterOptions,
  type AddWeightedAdapterOptions,
  activeAdapters,
  addAdapter,
  addWeightedAdapter,
  type CombinationType,
  deleteAdapter,
  disableAdapters,
  type EvaConfig,
  enableAdapters,
  type InitOptions,
  type InjectOptions,
  type LayerPattern,
  type LoraBias,
  type LoraConfig,
  type LoraInit,
  type LoraLayerSummary,
  type LoraMethod,
  type LoraSummary,
  type LoraTarget,
  loraSummary,
  type MajoritySignMethod,
  type ModelInputs,
  predictWithAdapters,
  setActiveAdapters,
  setAdapterStrength,
  type WeightedAdapter,
} from '../lora/index.ts';
export {
  type Change,
  type ClassChange,
  type ClassScore,
  type Comparison,
  type ConfusionChange,
  compareEvaluations,
  type Evaluation,
  overall,
  perClass,
  type Score,
} from '../metrics/index.ts';
export type { Mnist } from '../mnist-data-loader/index.ts';
export { createDigitsNet, type DigitsNetOptions, type Head, type Normalization } from '../models/index.ts';
export { type LoadPeftOptions, loadPeft, type SavePeftOptions, savePeft } from '../peft/index.ts';
export {
  type CompareReportsOptions,
  compareReports,
  type EvaluateRunOptions,
  evaluateRun,
  type FinetuneOptions,
  type FinetuneResult,
  type FinetuneSettings,
  finetune,
  type GuardSettings,
  type OptimizerName,
  type OptimizerSettings,
  type PretrainOptions,
  type PretrainResult,
  type PretrainSettings,
  pretrain,
  type RecipeOptions,
  type RunEvaluation,
  type RunInMemory,
  type RunSource,
  type TrainingRecipeOptions,
} from '../recipes/index.ts';
export type {
  ForgettingGuard,
  LayerRank,
  NamedEvaluation,
  Report,
  RunInfo,
  TrainingCurve,
} from '../report/index.ts';
export { openRun, type Run, type RunManifest } from '../runs/index.ts';
export {
  type DeviceName,
  type LoadedTensorFlow,
  type LoadOptions,
  loadTensorFlow,
} from '../tensorflow/index.ts';
export {
  type BatchLoss,
  type ClassificationOptions,
  classificationTask,
  createEngine,
  type DataArray,
  type Engine,
  type EngineName,
  type EngineOptions,
  type LossFunction,
  type LossName,
  type OptimizerConfig,
  type OptimizerRule,
  type Schedule,
  type TaskOptions,
  type TrainingData,
  type TrainingProgress,
  type TrainingResult,
  type TrainingState,
  type TrainingTask,
  type TrainOptions,
  train,
  trainingTask,
  trainToEnd,
} from '../training/index.ts';
export { type Check, type VerifyOptions, verify } from '../verification/index.ts';

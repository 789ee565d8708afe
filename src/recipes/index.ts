export {
  type AdapterFilesOptions,
  type AdapterInspection,
  type BaseModelOptions,
  inspectAdapterFiles,
  inspectBaseModel,
  type MergeAdapterFilesOptions,
  mergeAdapterFiles,
  verifyAdapterFiles,
} from './adapter-files.ts';
export { displayPath } from './data.ts';
export { type AdaptRunOptions, adaptRun, type MergeRunOptions, mergeRun, type NewRun } from './derive.ts';
export {
  type CompareReportsOptions,
  compareReports,
  type EvaluateRunOptions,
  evaluateRun,
  type RunEvaluation,
} from './evaluate.ts';
export {
  type ExportAdapterOptions,
  type ExportedWeights,
  type ExportWeightsOptions,
  exportAdapter,
  exportWeights,
} from './export.ts';
export { type FinetuneOptions, type FinetuneResult, finetune } from './finetune.ts';
export {
  type ImportAdapterOptions,
  type ImportWeightsOptions,
  importAdapter,
  importWeights,
} from './import.ts';
export { type ImportModelOptions, importModel } from './import-model.ts';
export {
  type InspectRunOptions,
  type InspectStepOptions,
  inspectRun,
  inspectStep,
  type RunInspection,
} from './inspect.ts';
export type { RecipeOptions, SaveOptions, TrainingRecipeOptions } from './options.ts';
export { pageFiles } from './page-files.ts';
export { type Predictions, type PredictOptions, predict } from './predict.ts';
export { type PretrainOptions, type PretrainResult, pretrain } from './pretrain.ts';
export type { RunInMemory, RunSource } from './run-source.ts';
export { versionsOf } from './save.ts';

export {
  type FinetuneSettings,
  finetuneSettings,
  type Given,
  type GuardSettings,
  type OptimizerName,
  type OptimizerSettings,
  type PretrainSettings,
  toJson,
} from './settings.ts';
export { type VerifyRunOptions, verifyRun } from './verify.ts';

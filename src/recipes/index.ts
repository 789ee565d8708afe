export { displayPath } from './data.ts';
export {
  type CompareReportsOptions,
  compareReports,
  type EvaluateRunOptions,
  evaluateRun,
  type RunEvaluation,
} from './evaluate.ts';
export { type FinetuneOptions, type FinetuneResult, finetune } from './finetune.ts';
export type { RecipeOptions, TrainingRecipeOptions } from './options.ts';
export { type PretrainOptions, type PretrainResult, pretrain } from './pretrain.ts';
export type { RunInMemory, RunSource } from './run-source.ts';
export { manifestHeader } from './save.ts';
export type {
  FinetuneSettings,
  GuardSettings,
  OptimizerName,
  OptimizerSettings,
  PretrainSettings,
} from './settings.ts';

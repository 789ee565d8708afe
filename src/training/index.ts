export { gatherBatch } from './batch.ts';
export type {
  BatchLoss,
  DataArray,
  Engine,
  EngineName,
  TrainingData,
  TrainingState,
  TrainingTask,
} from './engine.ts';
export { requireEngine } from './engine.ts';
export { recordStep } from './engines/compiled-step.ts';
export { createEngine } from './engines/create.ts';
export * from './guard/index.ts';
export { LOSS_NAMES, type LossFunction, type LossName } from './losses.ts';
export { withSeededDropout } from './noise/with-noise.ts';
export type { OptimizerConfig, OptimizerRule, Schedule } from './optimizer-config.ts';
export { learningRateAt, OPTIMIZER_NAMES } from './optimizers/index.ts';
export { classificationTask, type TaskOptions, trainingTask } from './task.ts';
export {
  findNonFiniteWeight,
  type TrainingProgress,
  type TrainingResult,
  type TrainOptions,
  train,
  trainToEnd,
} from './trainer.ts';

/**
 * Trains any LayersModel with one output.
 *
 *   TrainingTask (model, data, loss, optimizer) --createEngine--> Engine --train(sampler, steps)--> trained weights
 *
 * - task.ts says what to train, with data.ts, losses.ts and optimizers/.
 * - engines/ has the interface of engines, the choice of one, and the eager engine; compiled/ has the engines that run
 *   steps inside TensorFlow. Both compute loss-and-gradients.ts, with the dropout masks of random-ops/.
 * - trainer.ts is the training loop: rows from a sampler, progress, stopping, and recovery from NaN.
 * - guard/ trains in the same way, and watches what fine-tuning costs other classes.
 */
export { recordStep } from './compiled/record-step.ts';
export { type DataArray, gatherBatch, type TrainingData } from './data.ts';
export { createEngine, type EngineOptions } from './engines/create.ts';
export { EagerEngine } from './engines/eager.ts';
export { type Engine, type EngineName, requireEngine } from './engines/engine.ts';
export { type AdaptiveReplay, adaptiveReplay } from './guard/adaptive-replay.ts';
export type { GuardHistory } from './guard/history.ts';
export type { AdaptiveReplayOptions } from './guard/replay-options.ts';
export { type StrengthCheck, type StrengthSearch, searchStrength } from './guard/search-strength.ts';
export type { Budget, ClassCount } from './guard/tradeoff.ts';
export {
  type GuardCheck,
  type GuardedProgress,
  type GuardedResult,
  type GuardOptions,
  trainGuarded,
} from './guard/train-guarded.ts';
export { LOSS_NAMES, type LossFunction, type LossName } from './losses.ts';
export { withKernelErrors } from './missing-kernel.ts';
export type { OptimizerConfig, OptimizerRule, Schedule } from './optimizers/config.ts';
export { learningRateAt } from './optimizers/schedule.ts';
export { withSeededDropout } from './random-ops/seeded-dropout.ts';
export {
  type BatchLoss,
  type ClassificationOptions,
  classificationTask,
  type TaskOptions,
  type TrainingTask,
  trainingTask,
} from './task.ts';
export {
  type TrainingProgress,
  type TrainingResult,
  type TrainOptions,
  train,
  trainToEnd,
} from './trainer.ts';
export { findNonFiniteWeight, type TrainingState } from './training-state.ts';

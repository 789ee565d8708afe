export { loadLayersModel, modelFromTopology } from './layers-model.ts';
export { MAX_STEPS, RUN_FORMAT_VERSION, type RunManifest } from './manifest.ts';
export { loadModel, saveModel } from './model-files.ts';
export { openRun, type Run, readManifest } from './open-run.ts';
export { RunWriter } from './run-writer.ts';
export { type RunContent, saveCheckpoint, saveRun } from './save-run.ts';
export { readState, writeState } from './state-files.ts';
export { readTrainingFiles, type TrainingFiles } from './training-files.ts';
export { moveIntoPlace, unfinishedAt } from './unfinished.ts';

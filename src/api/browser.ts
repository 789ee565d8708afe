/**
 * The entry point `tfjs-lora` for browsers: adapters, training with the eager engine, and evaluation. It has the names of
 * index.ts, so that a program bundles without changes; functions that need files or native TensorFlow throw.
 * vite.browser.config.ts bundles it into dist/browser.
 */
import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { completeWasmKernels } from '../kernels/index.ts';

export {
  AppError,
  CheckpointError,
  DataError,
  GateError,
  QueueError,
  TensorFlowError,
  TrainingError,
  UsageError,
} from '../errors.ts';
export {
  graphModelLayer,
  injectLora,
  LoraGraphModel,
  loraTargets,
  mergeLora,
  unloadLora,
} from '../graph-models/index.ts';
export { createEvaluator, evaluate } from '../inference/index.ts';
export {
  activeAdapters,
  addAdapter,
  addWeightedAdapter,
  deleteAdapter,
  disableAdapters,
  enableAdapters,
  loraSummary,
  predictWithAdapters,
  setActiveAdapters,
  setAdapterStrength,
} from '../lora/index.ts';
export { compareEvaluations, overall, perClass } from '../metrics/index.ts';
export { createDigitsNet } from '../models/index.ts';
export { classificationTask, createEngine, train, trainingTask, trainToEnd } from '../training/index.ts';

export const compareReports = needsNode('compareReports');
export const evaluateRun = needsNode('evaluateRun');
export const finetune = needsNode('finetune');
export const loadPeft = needsNode('loadPeft');
export const openRun = needsNode('openRun');
export const pretrain = needsNode('pretrain');
export const savePeft = needsNode('savePeft');
export const verify = needsNode('verify');

/** Waits for the backend that the page has set, and adds what tfjs' wasm backend lacks for training. */
export async function loadTensorFlow(): Promise<{
  readonly tf: typeof import('@tensorflow/tfjs');
  readonly device: string;
}> {
  await tf.ready();
  if (tf.getBackend() === 'wasm') completeWasmKernels();
  return { tf, device: tf.getBackend() };
}

/** A function that only Node has. */
function needsNode(name: string): () => Promise<never> {
  return async () => {
    throw new UsageError('invalid-argument', `${name}: not available in browsers; call it in Node`);
  };
}

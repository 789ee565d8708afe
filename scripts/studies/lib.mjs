// What the studies share: data, a pretrained DigitsNet, fine-tuning, tables. They run on the built library.
import { evaluate } from '../../dist/inference/index.js';
import { loadMnist, shuffledSampler } from '../../dist/mnist-data-loader/index.js';
import { createDigitsNet, mnistNormalization as normalization } from '../../dist/models/index.js';
import { loadTensorFlow } from '../../dist/tensorflow/index.js';
import { classificationTask, createEngine, trainToEnd } from '../../dist/training/index.js';

/** @typedef {import('@tensorflow/tfjs').LayersModel} LayersModel */
/** @typedef {import('../../dist/mnist-data-loader/index.js').ImageDataset} ImageDataset */
/** @typedef {import('../../dist/mnist-data-loader/index.js').Sampler} Sampler */
/** @typedef {import('../../dist/training/index.js').TrainingTask} TrainingTask */

export const SEEDS = [0, 1, 2, 3, 4];
export const TARGET_DIGITS = [2, 3, 5, 8, 9];
export const OTHER_DIGITS = [0, 1, 4, 6, 7];

/** MNIST on native TensorFlow with one thread, so that sums have one order and a run repeats itself. */
export async function start() {
  await loadTensorFlow({ device: 'cpu', threads: 1 });
  return loadMnist();
}

/**
 * Adam at 1e-3 as published, by default on its batches of ten.
 *
 * @param {LayersModel} model
 * @param {ImageDataset} dataset
 * @param {number} seed
 */
export function taskOf(model, dataset, seed, batchSize = 10) {
  /** @type {import('../../dist/training/index.js').OptimizerConfig} */
  const optimizer = { rule: { kind: 'adam' }, learningRate: 1e-3 };
  return classificationTask({ model, dataset, normalization, batchSize, optimizer, seed });
}

/**
 * Runs a task to its end and gives the mean loss.
 *
 * @param {TrainingTask} task
 * @param {Sampler} order
 * @param {number} steps
 */
export async function run(task, order, steps) {
  const engine = createEngine('auto', task, { steps });
  const { meanLoss } = await trainToEnd({ task, engine, sampler: order, steps });
  engine.dispose();
  return meanLoss;
}

/**
 * DigitsNet after one epoch over the training set.
 *
 * @param {ImageDataset} train
 * @param {number} seed
 */
export async function pretrain(train, seed) {
  const model = createDigitsNet({ seed });
  const order = shuffledSampler({ rows: train.count, seed });
  const meanLoss = await run(taskOf(model, train, seed), order, train.count / 10);
  return { model, meanLoss };
}

/**
 * @param {LayersModel} model
 * @param {ImageDataset} dataset
 */
export function test(model, dataset) {
  return evaluate(model, dataset, { normalization });
}

/**
 * A Markdown table; the first row is its head, the first column text, the others numbers.
 *
 * @param {(string | number)[][]} rows
 */
export function table(rows) {
  const [head = [], ...body] = rows.map((cells) => `| ${cells.join(' | ')} |`);
  const rule = rows[0]?.map((_, column) => (column === 0 ? '---' : '---:')) ?? [];
  return [head, `| ${rule.join(' | ')} |`, ...body].join('\n');
}

/** @param {number | null} fraction */
export function percent(fraction) {
  return fraction === null ? 'n/a' : `${(100 * fraction).toFixed(1)} %`;
}

import type * as tf from '@tensorflow/tfjs';
import { type ImageDataset, requireLabels } from '../data/index.ts';
import { DataError, TrainingError, UsageError } from '../errors.ts';
import { imageShape, type Normalization, normalize, requireLogits } from '../models/index.ts';
import type { TrainingData, TrainingTask } from './engine.ts';
import { type LossFunction, type LossName, lossFunction, meanLoss } from './losses.ts';
import type { OptimizerConfig } from './optimizer-config.ts';
import { checkOptimizer } from './optimizers/index.ts';

/** What to train on what, and how. */
export interface TaskOptions {
  readonly model: tf.LayersModel;
  readonly data: TrainingData;
  readonly batchSize: number;
  readonly optimizer: OptimizerConfig;
  /** Seeds dropout and noise. */
  readonly seed: number;
  /** `cross-entropy` by default. */
  readonly loss?: LossName | LossFunction;
  /** See `meanLoss`. */
  readonly classWeights?: readonly number[];
  /** What to do with the inputs before the model sees them, such as normalising. */
  readonly prepare?: (inputs: tf.Tensor[]) => tf.Tensor[];
}

/**
 * A task for any LayersModel with one output. The loss of a batch is the mean loss of its examples plus the
 * regularisation losses of the layers.
 *
 * @throws UsageError, DataError or TrainingError when the data, the model and the options do not fit together
 */
export function trainingTask(options: TaskOptions): TrainingTask {
  const { model, data, batchSize, optimizer, seed, classWeights, prepare } = options;
  checkTask(options);
  checkOptimizer(optimizer);
  const compare = lossFunction(options.loss ?? 'cross-entropy');
  return {
    model,
    data,
    batchSize,
    optimizer,
    seed,
    loss: (inputs, labels) => {
      const prepared = prepare ? prepare(inputs) : inputs;
      const predictions = model.apply(prepared.length === 1 ? prepared[0]! : prepared, { training: true });
      const loss = meanLoss(compare, predictions as tf.Tensor, labels, classWeights);
      return model.calculateLosses().reduce((sum, term) => sum.add(term.mean()), loss) as tf.Scalar;
    },
  };
}

/**
 * The task of teaching a model the classes of images.
 *
 * @param options.model takes as many values as an image has pixels, in any shape, and gives logits [batch, classes]
 */
export function classificationTask({
  dataset,
  normalization,
  ...options
}: Omit<TaskOptions, 'data' | 'prepare'> & {
  readonly dataset: ImageDataset;
  readonly normalization: Normalization;
}): TrainingTask {
  const featureShape = imageShape(options.model, dataset);
  return trainingTask({
    ...options,
    data: {
      rows: dataset.count,
      inputs: [{ values: dataset.images, featureShape }],
      labels: { values: dataset.labels, featureShape: [] },
    },
    prepare: (inputs) => inputs.map((images) => normalize(images, normalization)),
  });
}

function checkTask(options: TaskOptions): void {
  const { model, data, batchSize, classWeights, loss = 'cross-entropy' } = options;
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new UsageError(
      'invalid-argument',
      `batch size ${batchSize}: has to be a whole number of at least 1`,
    );
  }
  if (batchSize > data.rows) {
    throw new UsageError(
      'invalid-argument',
      `batch size ${batchSize} is larger than the data, which has ${data.rows} rows`,
    );
  }
  if (model.inputs.length !== data.inputs.length) {
    throw new DataError(
      'invalid-data',
      `the model takes ${model.inputs.length} inputs, the data has ${data.inputs.length}`,
    );
  }
  if (model.outputs.length !== 1) {
    throw new TrainingError(
      'training-failed',
      `the model has ${model.outputs.length} outputs; training takes one`,
    );
  }
  if (loss === 'cross-entropy' || loss === 'binary-cross-entropy') requireLogits(model);
  if (loss === 'cross-entropy') checkLabels(data, model.outputs[0]!.shape.at(-1)!);
  if (classWeights) checkClassWeights(options, classWeights);
}

function checkClassWeights(
  { model, data, loss = 'cross-entropy' }: TaskOptions,
  weights: readonly number[],
): void {
  if (weights.some((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY))) {
    throw new UsageError(
      'invalid-argument',
      `class weights ${weights.join(', ')}: each has to be a number of at least 0`,
    );
  }
  const classes = model.outputs[0]!.shape.at(-1);
  if (loss === 'cross-entropy' && weights.length !== classes) {
    throw new UsageError(
      'invalid-argument',
      `${weights.length} class weights for ${classes} classes: give one for each class`,
    );
  }
  checkLabels(data, weights.length);
}

/** TensorFlow returns a loss of NaN for a label outside the classes, or reads outside its memory. */
function checkLabels({ labels }: TrainingData, classes: number): void {
  requireLabels(labels.values, classes, 'training data');
}

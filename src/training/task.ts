import type * as tf from '@tensorflow/tfjs';
import { type ImageDataset, requireLabels } from '../data/index.ts';
import { DataError, TrainingError, UsageError } from '../errors.ts';
import { requireLayersModel } from '../layers-model.ts';
import { imageShape, type Normalization, normalize, requireLogits } from '../models/index.ts';
import { requireFields, requireTrainingData } from './arguments.ts';
import { type CustomParts, declareCustomParts } from './custom-parts.ts';
import type { TrainingData } from './data.ts';
import { type Bivariant, type LossFunction, type LossName, lossFunction, meanLoss } from './losses.ts';
import { type OptimizerConfig, validateOptimizer } from './optimizers/config.ts';

/**
 * Returns the loss of one batch, a float32 scalar. The engines `graph` and `xla` record the ops that it runs. It may read
 * and assign variables of tfjs. Each call of `Engine.run` uses the current values of variables; other values of JavaScript
 * are looked up once per call too, but if one has changed, the step is recorded and compiled again, which takes up to a few
 * seconds. So keep what changes often in a variable.
 *
 * @param inputs [batch, ...featureShape] each
 * @param labels [batch, ...featureShape]
 */
export type BatchLoss = Bivariant<(inputs: tf.Tensor[], labels: tf.Tensor) => tf.Scalar>;

/** What an engine trains: a model, its data, the loss and the optimizer. */
export interface TrainingTask {
  readonly model: tf.LayersModel;
  readonly loss: BatchLoss;
  readonly data: TrainingData;
  readonly batchSize: number;
  readonly optimizer: OptimizerConfig;
  /** Seeds dropout and noise layers; each step draws from (seed, step). */
  readonly seed: number;
}

/** Options of `trainingTask`. */
export interface TaskOptions {
  /** A model with one output. */
  readonly model: tf.LayersModel;
  readonly data: TrainingData;
  readonly batchSize: number;
  readonly optimizer: OptimizerConfig;
  /** Seeds dropout and noise layers. */
  readonly seed: number;
  /** Default `cross-entropy`. */
  readonly loss?: LossName | LossFunction;
  /** One weight per class; the loss is then sum(w[label] * loss) / sum(w[label]). */
  readonly classWeights?: readonly number[];
  /** Preprocesses a batch of inputs, for example normalizes it; part of each step. Like `LossFunction` for other values. */
  readonly prepare?: Bivariant<(inputs: tf.Tensor[]) => tf.Tensor[]>;
}

/**
 * Returns the task of training a model on any data. The loss of a batch is the mean loss of its examples plus the
 * regularization losses of the layers.
 *
 * @throws UsageError, DataError or TrainingError if the model, the data and the options do not fit together
 * @example
 * const task = trainingTask({
 *   model, // [batch, 3] -> [batch, 1]
 *   data: {
 *     rows: 1000,
 *     inputs: [{ values: features, featureShape: [3] }], // Float32Array of 3000 values
 *     labels: { values: targets, featureShape: [] }, // Float32Array of 1000 values
 *   },
 *   batchSize: 10,
 *   optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
 *   seed: 0,
 *   loss: 'mean-squared-error',
 * });
 */
export function trainingTask(options: TaskOptions): TrainingTask {
  requireOptions(options, { model: 'object', data: 'object' });
  requireTrainingData(options.data);
  const { model, data, batchSize, optimizer, seed, classWeights, prepare } = options;
  validateTask(options);
  validateOptimizer(optimizer);
  const compare = lossFunction(options.loss ?? 'cross-entropy');
  let predicted: ReturnType<CustomParts['predictions']>;
  const loss: BatchLoss = (inputs, labels) => {
    const prepared = prepare ? prepare(inputs) : inputs;
    const output = model.apply(prepared.length === 1 ? prepared[0]! : prepared, { training: true });
    const predictions = output as tf.Tensor;
    predicted = { shape: predictions.shape, dtype: predictions.dtype as 'float32' };
    const batchLoss = meanLoss(compare, predictions, labels, classWeights);
    return model.calculateLosses().reduce((sum, term) => sum.add(term.mean()), batchLoss) as tf.Scalar;
  };
  const hasCustomLoss = typeof options.loss === 'function';
  const parts: CustomParts = {
    predictions: () => predicted,
    run: (inputs, labels, predictions) => [
      ...(prepare ? prepare(inputs) : []),
      ...(hasCustomLoss ? [compare(predictions, labels)] : []),
    ],
  };
  declareCustomParts(loss, hasCustomLoss || prepare ? parts : 'none');
  return { model, data, batchSize, optimizer, seed, loss };
}

/** Options of `classificationTask`. */
export interface ClassificationOptions extends Omit<TaskOptions, 'data' | 'prepare'> {
  readonly dataset: ImageDataset;
  readonly normalization: Normalization;
}

/**
 * Returns the task of training a model to classify images.
 *
 * @param options.model takes images in any shape with one value per pixel, and returns logits [batch, classes]
 * @throws UsageError, DataError or TrainingError if the model, the images and the options do not fit together
 * @example
 * const task = classificationTask({
 *   model: createDigitsNet(),
 *   dataset: train,
 *   normalization: mnistNormalization,
 *   batchSize: 10,
 *   optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
 *   seed: 0,
 * });
 */
export function classificationTask(options: ClassificationOptions): TrainingTask {
  requireOptions(options, { dataset: 'object', normalization: 'object' });
  const { dataset, normalization, ...rest } = options;
  requireLayersModel(rest.model);
  const featureShape = imageShape(rest.model, dataset);
  const fixed = { ...normalization }; // later changes must not reach one engine only
  const task = trainingTask({
    ...rest,
    data: {
      rows: dataset.count,
      inputs: [{ values: dataset.images, featureShape }],
      labels: { values: dataset.labels, featureShape: [] },
    },
    prepare: (inputs) => inputs.map((images) => normalize(images, fixed)),
  });
  // `prepare` above is not the caller's.
  if (typeof options.loss !== 'function') declareCustomParts(task.loss, 'none');
  return task;
}

function requireOptions(options: unknown, fields: Record<string, 'object'>): void {
  requireFields(
    'task options',
    options,
    { ...fields, batchSize: 'number', optimizer: 'object', seed: 'number' },
    `pass { model, ${Object.keys(fields)
      .filter((name) => name !== 'model')
      .join(', ')}, batchSize, optimizer, seed }`,
  );
}

function validateTask(options: TaskOptions): void {
  const { model, data, batchSize, classWeights, loss = 'cross-entropy' } = options;
  requireLayersModel(model);
  if (!Number.isInteger(batchSize) || batchSize < 1) {
    throw new UsageError('invalid-argument', `batch size ${batchSize}: must be a whole number of at least 1`);
  }
  if (batchSize > data.rows) {
    throw new UsageError(
      'invalid-argument',
      `batch size ${batchSize}: larger than the data, which has ${data.rows} rows`,
    );
  }
  if (model.inputs.length !== data.inputs.length) {
    throw new DataError(
      'invalid-data',
      `the model takes ${model.inputs.length} inputs, but the data has ${data.inputs.length}`,
    );
  }
  const [output, ...otherOutputs] = model.outputs;
  if (output === undefined || otherOutputs.length > 0) {
    throw new TrainingError(
      'training-failed',
      `the model has ${model.outputs.length} outputs; training needs a model with one output`,
    );
  }
  if (loss === 'cross-entropy' || loss === 'binary-cross-entropy') requireLogits(model);
  // For a label that is not a class, TensorFlow returns a loss of NaN or reads memory outside the tensor.
  if (loss === 'cross-entropy') requireLabels(data.labels.values, output.shape.at(-1)!, 'training data');
  if (classWeights) validateClassWeights(options, classWeights);
}

function validateClassWeights(
  { model, data, loss = 'cross-entropy' }: TaskOptions,
  weights: readonly number[],
): void {
  if (weights.some((weight) => !(weight >= 0 && weight < Number.POSITIVE_INFINITY))) {
    throw new UsageError(
      'invalid-argument',
      `class weights ${weights.join(', ')}: each must be a number of at least 0`,
    );
  }
  const classes = model.outputs[0]!.shape.at(-1);
  if (loss === 'cross-entropy' && weights.length !== classes) {
    throw new UsageError(
      'invalid-argument',
      `${weights.length} class weights for ${classes} classes; give one per class`,
    );
  }
  requireLabels(data.labels.values, weights.length, 'training data');
}

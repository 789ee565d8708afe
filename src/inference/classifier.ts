import * as tf from '@tensorflow/tfjs';
import { TensorFlowError, UsageError } from '../errors.ts';
import { type Bytes, type CompiledFunction, compileFunction, RecordingError } from '../graph/index.ts';
import { imageShape, type Normalization, normalize, requireLogits, takeValues } from '../models/index.ts';
import { hasNativeBackend, nativeBackend, runOp } from '../tensorflow/index.ts';
import { type EngineName, requireEngine, withKernelErrors } from '../training/index.ts';
import { evenBatch, largestBatch } from './batch-size.ts';

/** How images are prepared, and how the model runs on them. */
export interface ClassifierOptions {
  readonly normalization: Normalization;
  /**
   * The most images per call of the model; memory use grows with it. Default 5,000, or 10,000 on a GPU, and fewer if
   * a layer has a large output.
   */
  readonly batchSize?: number;
  /**
   * How the model runs. The default `auto` starts with `eager` and continues with `graph` after enough batches to make up
   * for compiling; on a GPU only if the images are those of the call before, and fit into one batch. A model that cannot be
   * compiled runs eagerly.
   */
  readonly engine?: EngineName | 'auto';
}

/** From this many batches on, a graph saves more time than compiling it takes; with convolutions, fewer suffice. */
const BATCHES_WORTH_COMPILING = { cpu: 24, gpu: 64 };

/** What a model computes for each image. */
export interface Scores {
  /** [count, classes], row-major. */
  readonly logits: Float32Array;
  /** The class with the largest logit [count]; of equal logits, the lowest class. */
  readonly predictions: Uint8Array;
  /**
   * The odds against the predicted class, (1 - p) / p for its softmax probability p [count]. Unlike 1 - p, they are
   * exact to float32's 7 digits even if p is close to 1.
   */
  readonly oddsAgainst: Float32Array;
}

/**
 * Runs a model on images, in batches. Each call uses the current weights, active adapters and adapter strengths of the
 * model. Other JavaScript state of a layer is constant once the model is compiled.
 *
 * @example
 * const classifier = new Classifier(model, { normalization: mnistNormalization });
 * const { logits } = classifier.classify(images, { height: 28, width: 28 });
 * classifier.dispose();
 */
export class Classifier {
  readonly #model: tf.LayersModel;
  readonly #normalization: Normalization;
  readonly #batchSize: number | undefined;
  readonly #processor: 'cpu' | 'gpu';
  #engine: EngineName | 'auto';
  #compiled: CompiledFunction<tf.Tensor[]> | undefined;
  /** The weights of the model when it was compiled. Adding or deleting an adapter changes them. */
  #compiledWeights: readonly tf.LayerVariable[] = [];
  /** The images of the last call. */
  #images: Uint8Array | undefined;
  /** Number of batches so far. */
  #batches = 0;

  /**
   * @param model takes one image, and returns logits [batch, classes]
   * @throws UsageError if the model ends in a softmax, or `engine` or `batchSize` is invalid
   */
  constructor(model: tf.LayersModel, { normalization, batchSize, engine = 'auto' }: ClassifierOptions) {
    requireLogits(model);
    if (batchSize !== undefined && !(Number.isInteger(batchSize) && batchSize > 0)) {
      throw new UsageError(
        'invalid-argument',
        `batch size ${batchSize}: must be a whole number of at least 1`,
      );
    }
    requireEngine(engine);
    this.#model = model;
    this.#normalization = normalization;
    this.#batchSize = batchSize;
    this.#engine = hasNativeBackend() ? engine : 'eager';
    this.#processor = hasNativeBackend() && nativeBackend().binding.isUsingGpuDevice() ? 'gpu' : 'cpu';
  }

  /** The engine of the next batch; with `auto`, `eager` until the model is compiled. */
  get engine(): EngineName {
    return this.#engine === 'auto' ? 'eager' : this.#engine;
  }

  /** Number of classes. */
  get classes(): number {
    return this.#model.outputs[0]!.shape.at(-1)!;
  }

  /**
   * Scores images. A GPU may keep its copy of them for the next call with the same array, whose bytes must not change.
   *
   * @param images pixels 0 to 255, [count, height, width]
   * @throws DataError if the model takes images of another size
   */
  classify(images: Uint8Array, size: { readonly height: number; readonly width: number }): Scores {
    const shape = imageShape(this.#model, size);
    const pixels = size.height * size.width;
    const { classes } = this;
    const count = images.length / pixels;
    const logits = new Float32Array(count * classes);
    const predictions = new Uint8Array(count);
    const oddsAgainst = new Float32Array(count);
    if (count === 0) return { logits, predictions, oddsAgainst };
    const batch = evenBatch(count, this.#batchSize ?? largestBatch(this.#model, this.#processor));
    // A graph takes longer to copy images to a GPU than eager calls, unless they stay there.
    const resident = this.#processor === 'gpu' && batch === count;
    const isCopied = resident && images === this.#images;
    this.#images = images;
    this.#prepare(Math.ceil(count / batch), this.#processor === 'cpu' || isCopied);
    for (let row = 0; row < count; row += batch) {
      const rows = Math.min(batch, count - row);
      const part = images.subarray(row * pixels, (row + rows) * pixels);
      const values = padded(part, batch * pixels);
      const scores = this.#score({ dtype: 'uint8', shape: [batch, ...shape], values, resident });
      const [batchLogits, batchPredictions, batchOdds] = scores.map(takeValues);
      logits.set(batchLogits!.subarray(0, rows * classes), row * classes);
      predictions.set(batchPredictions!.subarray(0, rows), row);
      oddsAgainst.set(batchOdds!.subarray(0, rows), row);
    }
    return { logits, predictions, oddsAgainst };
  }

  /** Frees the compiled model and the images on a GPU. The model itself stays. */
  dispose(): void {
    this.#compiled?.dispose();
    this.#compiled = undefined;
  }

  /**
   * Chooses the engine of the next batches, and frees a compiled model that is out of date.
   *
   * @param isFastCompiled whether a graph is faster than eager calls, once it is compiled
   */
  #prepare(batches: number, isFastCompiled: boolean): void {
    this.#batches += batches;
    const isWorthCompiling = this.#batches >= BATCHES_WORTH_COMPILING[this.#processor];
    if (this.#engine === 'auto' && isWorthCompiling && isFastCompiled) this.#engine = 'graph';
    const { weights } = this.#model;
    const isUnchanged =
      weights.length === this.#compiledWeights.length &&
      weights.every((weight, index) => weight === this.#compiledWeights[index]);
    if (isUnchanged) return;
    this.dispose();
    this.#compiledWeights = weights;
  }

  /** Runs the model on a batch of images. */
  #score(images: Bytes): tf.Tensor[] {
    if (this.engine === 'eager') {
      return withKernelErrors(() => tf.tidy(() => this.#apply(floatTensor(images))));
    }
    try {
      this.#compiled ??= compileFunction((batch) => this.#apply(batch!), { jit: this.#engine === 'xla' });
      return this.#compiled(images);
    } catch (error) {
      if (!(error instanceof RecordingError || error instanceof TensorFlowError)) throw error;
      this.dispose();
      this.#engine = this.#engine === 'xla' ? 'graph' : 'eager';
      return this.#score(images);
    }
  }

  /**
   * @param images [batch, ...shape] float32, 0 to 255
   * @returns logits [batch, classes], predictions [batch] and odds against them [batch], all float32
   */
  #apply(images: tf.Tensor): tf.Tensor[] {
    const input = normalize(images, this.#normalization);
    const logits = this.#model.apply(input, { training: false }) as tf.Tensor2D;
    return [logits, ...predictionsAndOdds(logits, this.classes)];
  }
}

/**
 * Returns the predicted class of each row [batch], and the odds against it [batch], which are the sum of
 * exp(logit - largest logit) over all other classes.
 *
 * @param logits [batch, classes]
 */
function predictionsAndOdds(logits: tf.Tensor, classes: number): [tf.Tensor, tf.Tensor] {
  const largest = tf.max(logits, 1, true);
  // Of equal logits, argMax takes a different one on each device. Priorities fall with the class, so the lowest class wins.
  const priorities = tf.range(classes, 0, -1);
  const isLargest = tf.cast(tf.greaterEqual(logits, largest), 'float32');
  const highest = tf.max(tf.mul(isLargest, priorities), 1, true);
  const isOther = tf.cast(tf.notEqual(priorities, highest), 'float32');
  const odds = tf.sum(tf.mul(tf.exp(tf.sub(logits, largest)), isOther), 1);
  // If logits are NaN, none is the largest: the highest priority is 0, and mod makes the class 0.
  return [tf.mod(tf.sub(classes, tf.squeeze(highest, [1])), classes), odds];
}

/** Fills up the last batch with zeros, so that all batches have the shape that the model was compiled for. */
function padded(values: Uint8Array, length: number): Uint8Array {
  if (values.length === length) return values;
  const batch = new Uint8Array(length);
  batch.set(values);
  return batch;
}

/** Returns bytes as a float32 tensor, 0 to 255. On native TensorFlow the bytes are cast on the device. */
function floatTensor(bytes: Bytes): tf.Tensor {
  if (!hasNativeBackend()) return tf.tensor(new Float32Array(bytes.values), [...bytes.shape]);
  return runOp('Cast', { SrcT: { type: 'uint8' }, DstT: { type: 'float32' }, Truncate: { bool: false } }, [
    bytes,
  ]);
}

import * as tf from '@tensorflow/tfjs';
import { TensorFlowError, UsageError } from '../errors.ts';
import { type CompiledFunction, compileFunction, RecordingError } from '../graph/index.ts';
import { imageShape, type Normalization, normalize, requireLogits, takeValues } from '../models/index.ts';
import { hasNativeBackend, nativeBackend, runOp } from '../tensorflow/index.ts';
import { type EngineName, requireEngine, withKernelErrors } from '../training/index.ts';
import { evenBatch, largestBatch } from './batch-size.ts';

/** How images are prepared, and how the model runs on them. */
export interface ClassifierOptions {
  readonly normalization: Normalization;
  /**
   * The most images per call of the model; memory use grows with it. Default 2,000, or 10,000 on a GPU, and fewer if
   * a layer has a large output.
   */
  readonly batchSize?: number;
  /**
   * How the model runs. The default `auto` starts with `eager`, and on a CPU continues with `graph` after enough
   * batches to make up for compiling. (On a GPU eager is as fast or faster.) A model that cannot be compiled runs
   * eagerly.
   */
  readonly engine?: EngineName | 'auto';
}

/** From this many batches on, a graph saves more time than compiling it takes; with convolutions, fewer suffice. */
const BATCHES_WORTH_COMPILING = 24;

/**
 * Returns logits for batches of images. Each call uses the current weights, active adapters and adapter strengths of
 * the model. Other JavaScript state of a layer is constant once the model is compiled.
 *
 * @example
 * const classifier = new Classifier(model, { normalization: mnistNormalization });
 * const logits = classifier.logits(images, { height: 28, width: 28 });
 * classifier.dispose();
 */
export class Classifier {
  readonly #model: tf.LayersModel;
  readonly #normalization: Normalization;
  readonly #batchSize: number | undefined;
  readonly #processor: 'cpu' | 'gpu';
  #engine: EngineName | 'auto';
  #compiled: CompiledFunction<tf.Tensor> | undefined;
  /** The weights of the model when it was compiled. Adding or deleting an adapter changes them. */
  #compiledWeights: readonly tf.LayerVariable[] = [];
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
   * Returns the logits of images, [count, classes] float32.
   *
   * @param images pixels 0 to 255, [count, height, width]
   * @throws DataError if the model takes images of another size
   */
  logits(images: Uint8Array, size: { readonly height: number; readonly width: number }): Float32Array {
    const shape = imageShape(this.#model, size);
    const pixels = size.height * size.width;
    const count = images.length / pixels;
    const logits = new Float32Array(count * this.classes);
    if (count === 0) return logits;
    const batch = evenBatch(count, this.#batchSize ?? largestBatch(this.#model, this.#processor));
    this.#prepare(Math.ceil(count / batch));
    for (let first = 0; first < count; first += batch) {
      const part = images.subarray(first * pixels, (first + batch) * pixels);
      const batchLogits = this.#batchLogits(padded(part, batch * pixels), [batch, ...shape]);
      logits.set(batchLogits.subarray(0, (part.length / pixels) * this.classes), first * this.classes);
    }
    return logits;
  }

  /** Frees the compiled model. The model itself stays. */
  dispose(): void {
    this.#compiled?.dispose();
    this.#compiled = undefined;
  }

  /** Chooses the engine of the next batches, and frees a compiled model that is out of date. */
  #prepare(batches: number): void {
    this.#batches += batches;
    if (this.#engine === 'auto' && this.#processor === 'cpu' && this.#batches >= BATCHES_WORTH_COMPILING) {
      this.#engine = 'graph';
    }
    const { weights } = this.#model;
    const isUnchanged =
      weights.length === this.#compiledWeights.length &&
      weights.every((weight, index) => weight === this.#compiledWeights[index]);
    if (isUnchanged) return;
    this.dispose();
    this.#compiledWeights = weights;
  }

  #batchLogits(values: Uint8Array, shape: number[]): Float32Array {
    if (this.engine === 'eager') {
      return takeValues(withKernelErrors(() => tf.tidy(() => this.#apply(imageTensor(values, shape)))));
    }
    try {
      this.#compiled ??= compileFunction((images) => this.#apply(images!), { jit: this.#engine === 'xla' });
      return takeValues(this.#compiled({ dtype: 'uint8', shape, values }));
    } catch (error) {
      if (!(error instanceof RecordingError || error instanceof TensorFlowError)) throw error;
      this.dispose();
      this.#engine = this.#engine === 'xla' ? 'graph' : 'eager';
      return this.#batchLogits(values, shape);
    }
  }

  /** @param images [batch, ...shape] float32, 0 to 255 */
  #apply(images: tf.Tensor): tf.Tensor {
    return this.#model.apply(normalize(images, this.#normalization), { training: false }) as tf.Tensor;
  }
}

/** Fills up the last batch with zeros, so that all batches have the shape that the model was compiled for. */
function padded(values: Uint8Array, length: number): Uint8Array {
  if (values.length === length) return values;
  const batch = new Uint8Array(length);
  batch.set(values);
  return batch;
}

/** Returns bytes as a float32 tensor, 0 to 255. On native TensorFlow the bytes are cast on the device. */
function imageTensor(bytes: Uint8Array, shape: number[]): tf.Tensor {
  if (!hasNativeBackend()) return tf.tensor(new Float32Array(bytes), shape);
  return runOp('Cast', { SrcT: { type: 'uint8' }, DstT: { type: 'float32' }, Truncate: { bool: false } }, [
    { dtype: 'uint8', shape, values: bytes },
  ]);
}

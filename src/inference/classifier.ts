import * as tf from '@tensorflow/tfjs';
import { TensorFlowError, UsageError } from '../errors.ts';
import { type CompiledFunction, compileFunction, RecordingError } from '../graph/index.ts';
import { imageShape, type Normalization, normalize, requireLogits, takeValues } from '../models/index.ts';
import { hasNativeBackend, nativeBackend } from '../tensorflow/index.ts';
import { type EngineName, requireEngine } from '../training/index.ts';
import { evenBatch, largestBatch } from './batch-size.ts';
import { imageTensor } from './image-tensor.ts';

/** How images are prepared, and how the model runs on them. */
export interface ClassifierOptions {
  readonly normalization: Normalization;
  /** Most images per call of the model; memory grows with it. By default up to 2,000 (10,000 on a GPU), fewer where layers give large outputs. */
  readonly batchSize?: number;
  /**
   * How the model runs. `auto`, the default, makes a graph of it on a CPU once it has been used so much that this
   * pays; a GPU is as fast or faster eagerly. What cannot be compiled runs eagerly.
   */
  readonly engine?: EngineName | 'auto';
}

/** Batches from which on compiling pays: it takes as long as running so many as a graph saves, fewer with convolutions. */
const BATCHES_WORTH_COMPILING = 24;

/**
 * Gives a model's logits for images, time and again. Weights, and which adapters are on and how much, are those
 * of each call. What else a layer keeps in JavaScript is as it was when the model was compiled.
 */
export class Classifier {
  readonly #model: tf.LayersModel;
  readonly #normalization: Normalization;
  readonly #batchSize: number | undefined;
  readonly #processor: 'cpu' | 'gpu';
  #engine: EngineName | 'auto';
  #compiled: CompiledFunction<tf.Tensor> | undefined;
  /** What the compiled model was made of. */
  #weights: readonly tf.LayerVariable[] = [];
  #batches = 0;

  /**
   * @param model takes one image and gives logits [batch, classes]
   * @throws UsageError when the model ends in a softmax, or for an engine or a batch size that is none
   */
  constructor(model: tf.LayersModel, { normalization, batchSize, engine = 'auto' }: ClassifierOptions) {
    requireLogits(model);
    if (batchSize !== undefined && !(Number.isInteger(batchSize) && batchSize > 0)) {
      throw new UsageError(
        'invalid-argument',
        `batch size ${batchSize}: has to be a whole number of at least 1`,
      );
    }
    requireEngine(engine);
    this.#model = model;
    this.#normalization = normalization;
    this.#batchSize = batchSize;
    this.#engine = hasNativeBackend() ? engine : 'eager';
    this.#processor = hasNativeBackend() && nativeBackend().binding.isUsingGpuDevice() ? 'gpu' : 'cpu';
  }

  /** What the next batch runs on. */
  get engine(): EngineName {
    return this.#engine === 'auto' ? 'eager' : this.#engine;
  }

  get classes(): number {
    return this.#model.outputs[0]!.shape.at(-1)!;
  }

  /**
   * @param images pixels 0..255, [count, height, width]
   * @returns [count, classes]
   * @throws DataError when the images have another size than the model's
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
      const found = this.#batchLogits(padded(part, batch * pixels), [batch, ...shape]);
      logits.set(found.subarray(0, (part.length / pixels) * this.classes), first * this.classes);
    }
    return logits;
  }

  /** Frees what was compiled; the model stays. */
  dispose(): void {
    this.#compiled?.dispose();
    this.#compiled = undefined;
  }

  /** Settles how the next batches run. */
  #prepare(batches: number): void {
    this.#batches += batches;
    if (this.#engine === 'auto' && this.#processor === 'cpu' && this.#batches >= BATCHES_WORTH_COMPILING) {
      this.#engine = 'graph';
    }
    const { weights } = this.#model;
    if (
      weights.length === this.#weights.length &&
      weights.every((one, index) => one === this.#weights[index])
    )
      return;
    this.dispose();
    this.#weights = weights;
  }

  #batchLogits(values: Uint8Array, shape: number[]): Float32Array {
    if (this.engine === 'eager') return takeValues(tf.tidy(() => this.#apply(imageTensor(values, shape))));
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

  #apply(images: tf.Tensor): tf.Tensor {
    return this.#model.apply(normalize(images, this.#normalization), { training: false }) as tf.Tensor;
  }
}

/** The values, black behind them. */
function padded(values: Uint8Array, length: number): Uint8Array {
  if (values.length === length) return values;
  const whole = new Uint8Array(length);
  whole.set(values);
  return whole;
}

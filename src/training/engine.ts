import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import type { OptimizerConfig } from './optimizer-config.ts';

/** How steps run: op by op, as a graph, or compiled by XLA. */
export type EngineName = 'eager' | 'graph' | 'xla';

const ENGINES: readonly (EngineName | 'auto')[] = ['auto', 'eager', 'graph', 'xla'];

/** @throws UsageError for a name that is none of an engine, and not `auto` */
export function requireEngine(name: EngineName | 'auto'): void {
  if (!ENGINES.includes(name)) {
    throw new UsageError('invalid-argument', `engine '${name}': there are ${ENGINES.join(', ')}`);
  }
}

/** One array with a row per example; it is copied to the device once and gathered there by row. */
export interface DataArray {
  /** Row-major values, `rows * product(rowShape)` of them. Bytes reach the step as float32, 0..255. */
  readonly values: Uint8Array | Float32Array | Int32Array;
  /** Shape of one example, without the batch dimension; `[]` for a label. */
  readonly featureShape: readonly number[];
}

/** What a model is trained on, row by row. */
export interface TrainingData {
  readonly rows: number;
  /** What the model takes, in the order of `model.inputs`. */
  readonly inputs: readonly DataArray[];
  /** What the loss compares with. Bytes and int32 reach the loss as int32 labels, float32 as it is. */
  readonly labels: DataArray;
}

/** Mean loss of one batch as a scalar. Inputs are [batchSize, ...rowShape]; run eagerly, or recorded once. */
export type BatchLoss = (inputs: tf.Tensor[], labels: tf.Tensor) => tf.Scalar;

/** What an engine needs to know; it reads and writes the weights of `model`. */
export interface TrainingTask {
  readonly model: tf.LayersModel;
  readonly loss: BatchLoss;
  readonly data: TrainingData;
  readonly batchSize: number;
  readonly optimizer: OptimizerConfig;
  /** Seeds dropout and noise masks, which are drawn from (seed, step). */
  readonly seed: number;
}

/** All that changes while training, by weight name: enough to go on bit for bit. */
export interface TrainingState {
  /** Optimizer steps done. */
  readonly step: number;
  /** Every weight of the model that a step may change: trainable ones, and moving averages. */
  readonly weights: ReadonlyMap<string, Float32Array>;
  /** The optimizer's slots, `<slot>/<weight name>`, such as `m/linear1/kernel`. */
  readonly slots: ReadonlyMap<string, Float32Array>;
}

/**
 * Runs optimizer steps. The three engines behave alike: same rows, same losses to rounding; each engine
 * repeats itself bit for bit on a CPU, and n steps then m equal n + m.
 */
export interface Engine {
  readonly name: EngineName;
  /** How many steps at a time it runs best, where it has a preference: fewer may take as long as so many. */
  readonly stepsPerCall?: number;
  /**
   * Runs `rows.length / batchSize` steps, step k on rows [k * batchSize, (k + 1) * batchSize).
   * Blocks until they are done, so callers pass a few hundred steps at a time.
   *
   * @returns the loss of each step, before its update
   * @throws DataError when a row is outside the data
   */
  run(rows: Int32Array): Float32Array;
  /** Copies the state out of the engine. */
  state(): TrainingState;
  /** Continues from a state of the same task. */
  restore(state: TrainingState): void;
  /** Writes the engine's weights into `task.model`. */
  syncModel(): void;
  /** Frees everything the engine holds; the model stays. */
  dispose(): void;
}

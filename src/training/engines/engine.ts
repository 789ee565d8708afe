import { UsageError } from '../../errors.ts';
import type { TrainingState } from '../training-state.ts';

/**
 * How a training step runs:
 * - `eager`: op by op, on any backend of tfjs
 * - `graph`: as a loop in one TensorFlow graph, run node by node (native TensorFlow only)
 * - `xla`: the same loop, compiled by XLA (native TensorFlow only)
 */
export type EngineName = 'eager' | 'graph' | 'xla';

const ENGINE_NAMES: readonly (EngineName | 'auto')[] = ['auto', 'eager', 'graph', 'xla'];

/** @throws UsageError if `name` is neither an engine nor `auto` */
export function requireEngine(name: EngineName | 'auto'): void {
  if (ENGINE_NAMES.includes(name)) return;
  throw new UsageError(
    'invalid-argument',
    `unknown engine '${name}'; choose from ${ENGINE_NAMES.join(', ')}`,
  );
}

/**
 * Runs the optimizer steps of a task. All engines take the same rows and return the same losses to rounding. On a CPU
 * each engine repeats itself bit for bit, and n steps followed by m steps equal n + m steps.
 */
export interface Engine {
  readonly name: EngineName;
  /**
   * How many steps per call run best. Undefined if the engine has no preference; a call of fewer may take as long.
   */
  readonly stepsPerCall?: number;
  /**
   * Runs `rows.length / batchSize` steps; step k trains on rows [k * batchSize, (k + 1) * batchSize). It blocks
   * until they are done, so call it for a few hundred steps at a time.
   *
   * All engines start from the current values of variables: those of frozen weights, strengths of adapters and variables
   * that the loss reads, and of trained weights that were assigned since the last call. Call `syncModel` before you read
   * trained weights to change them.
   *
   * @returns the loss of each step, computed before its update
   * @throws DataError if a row is outside the data, or the last batch is not full
   * @throws TrainingError if other weights are trainable than when the engine was created
   */
  run(rows: Int32Array): Float32Array;
  /** Returns a copy of the state. */
  state(): TrainingState;
  /**
   * Continues from a state of the same task.
   *
   * @throws TrainingError if the state belongs to another task
   */
  restore(state: TrainingState): void;
  /** Writes the engine's weights into `task.model`. */
  syncModel(): void;
  /** Frees the engine's tensors and graphs. The model stays. */
  dispose(): void;
}

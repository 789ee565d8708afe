import { TensorFlowError } from '../../errors.ts';
import { RecordingError } from '../../graph/index.ts';
import { DamagedCacheError, DeviceError } from '../../tensorflow/index.ts';
import { requireEngineOptions, requireTask } from '../arguments.ts';
import { CompiledEngine, type CompiledOptions } from '../compiled/engine.ts';
import { type RecordedStep, recordStep } from '../compiled/record-step.ts';
import type { TrainingTask } from '../task.ts';
import type { TrainingState } from '../training-state.ts';
import { chooseEngine, chooseUnroll } from './choose.ts';
import { EagerEngine } from './eager.ts';
import { type Engine, type EngineName, requireEngine } from './engine.ts';

/** Options of `createEngine`. */
export interface EngineOptions {
  /** How many steps will be run. */
  readonly steps: number;
  /** How many steps each call will run, if they are known to be few, such as the steps between two checks. */
  readonly stepsPerCall?: number;
  /** Called with one line that names the engine `auto` chose and why, and with one line for each fallback. */
  note?(line: string): void;
}

/**
 * Creates an engine for a task; `auto` chooses the one that is expected to be fastest. If XLA cannot compile the
 * step, the engine continues as `graph`; if the step cannot be put into a graph, an eager engine is returned.
 *
 * @throws TrainingError if the model has no trainable weights, or the loss is not a scalar
 * @throws TensorFlowError if the backend has no kernel for an op of the model, on wasm and in browsers
 * @throws UsageError if an argument is invalid
 * @example
 * const engine = createEngine('auto', task, { steps: 6000 });
 * const losses = engine.run(sampler.take(0, 100 * task.batchSize)); // 100 steps
 * engine.syncModel();
 * engine.dispose();
 */
export function createEngine(name: EngineName | 'auto', task: TrainingTask, options: EngineOptions): Engine {
  requireEngine(name);
  requireTask(task);
  requireEngineOptions(options);
  const { steps, stepsPerCall = steps, note = () => {} } = options;
  // `auto` records the step to choose an engine, which then uses the recording.
  let recorded: RecordedStep | undefined;
  const recordOnce = () => (recorded ??= recordStep(task));
  let chosen = name;
  try {
    if (chosen === 'auto') {
      const choice = chooseEngine(steps, () => recordOnce().program);
      note(`engine ${choice.name}: ${choice.reason}`);
      chosen = choice.name;
    }
    if (chosen === 'eager') return new EagerEngine(task);
    const step = recordOnce();
    const first: CompiledOptions =
      chosen === 'graph'
        ? { jit: false }
        : { jit: true, unroll: chooseUnroll(task, step.program, steps), stepsPerCall };
    return new RenewableEngine(task, new CompiledEngine(task, step, first), first, note);
  } catch (error) {
    if (chosen === 'eager' || !canFallBack(error)) throw error;
    return fallBackToEager(task, error, note);
  }
}

function fallBackToEager(task: TrainingTask, error: Error, note: (line: string) => void): EagerEngine {
  note(`falling back to the eager engine: ${error.message}`);
  return new EagerEngine(task);
}

/**
 * A compiled engine that is replaced by one that continues from the same state:
 * - if the step has changed, such as a number in the caller's loss: by the same engine with the step recorded again
 * - if XLA cannot compile the step, first by one without explicit precision, then by the graph engine. XLA compiles at the
 *   first run, so a failure does not show before.
 */
class RenewableEngine implements Engine {
  readonly #task: TrainingTask;
  readonly #note: (line: string) => void;
  #engine: CompiledEngine | EagerEngine;
  #options: CompiledOptions;
  #wasRenewed = false;

  constructor(
    task: TrainingTask,
    engine: CompiledEngine,
    options: CompiledOptions,
    note: (line: string) => void,
  ) {
    this.#task = task;
    this.#engine = engine;
    this.#options = options;
    this.#note = note;
  }

  get name(): EngineName {
    return this.#engine.name;
  }

  get stepsPerCall(): number | undefined {
    return this.#engine instanceof CompiledEngine ? this.#engine.stepsPerCall : undefined;
  }

  run(rows: Int32Array): Float32Array {
    this.#renewIfOutdated();
    const engine = this.#engine;
    if (engine instanceof EagerEngine) return engine.run(rows);
    const stepBefore = engine.step;
    try {
      return engine.run(rows);
    } catch (error) {
      if (engine.name !== 'xla' || !canFallBack(error) || engine.step !== stepBefore) throw error;
      const { explicitPrecision } = engine;
      if (error instanceof DamagedCacheError) this.#replace({ ...this.#options, explicitPrecision });
      else if (explicitPrecision) this.#replace({ ...this.#options, explicitPrecision: false });
      else {
        this.#note(`falling back to the graph engine: ${error.message}`);
        this.#replace({ jit: false });
      }
      return this.run(rows);
    }
  }

  #renewIfOutdated(): void {
    if (this.#engine instanceof EagerEngine || !this.#engine.isOutdated()) return;
    if (!this.#wasRenewed) {
      this.#note(
        'recording the step again: a value that it uses has changed; keep values that change often in a tf.Variable',
      );
    }
    this.#wasRenewed = true;
    this.#replace(this.#options);
  }

  #replace(options: CompiledOptions): void {
    const old = this.#engine;
    const state = old.state();
    let engine: CompiledEngine | EagerEngine;
    try {
      const recorded = recordStep(this.#task);
      old.dispose(); // before the new engine needs memory
      engine = new CompiledEngine(this.#task, recorded, options);
    } catch (error) {
      if (!canFallBack(error)) throw error;
      old.dispose();
      engine = fallBackToEager(this.#task, error, this.#note);
    }
    engine.restore(state);
    this.#engine = engine;
    this.#options = options;
  }

  state(): TrainingState {
    return this.#engine.state();
  }

  restore(state: TrainingState): void {
    this.#engine.restore(state);
  }

  syncModel(): void {
    this.#engine.syncModel();
  }

  dispose(): void {
    this.#engine.dispose();
  }
}

/** Whether another engine may succeed after this error. None does if the device is broken or out of memory. */
function canFallBack(error: unknown): error is RecordingError | TensorFlowError {
  if (error instanceof DeviceError) return false;
  return error instanceof RecordingError || error instanceof TensorFlowError;
}

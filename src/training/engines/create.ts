import { TensorFlowError } from '../../errors.ts';
import { RecordingError } from '../../graph/index.ts';
import { DamagedCacheError, DeviceError } from '../../tensorflow/index.ts';
import { CompiledEngine, type CompiledOptions } from '../compiled/engine.ts';
import { recordStep } from '../compiled/record-step.ts';
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
 * @throws UsageError if `name` is not an engine
 * @example
 * const engine = createEngine('auto', task, { steps: 6000 });
 * const losses = engine.run(sampler.take(0, 100 * task.batchSize)); // 100 steps
 * engine.syncModel();
 * engine.dispose();
 */
export function createEngine(name: EngineName | 'auto', task: TrainingTask, options: EngineOptions): Engine {
  requireEngine(name);
  const { steps, stepsPerCall = steps, note = () => {} } = options;
  const compile = (compiledOptions: CompiledOptions) =>
    new CompiledEngine(task, recordStep(task), compiledOptions);
  const createGraph = () => compile({ jit: false });
  try {
    let chosen = name;
    if (chosen === 'auto') {
      const choice = chooseEngine(steps, () => recordStep(task).program);
      note(`engine ${choice.name}: ${choice.reason}`);
      chosen = choice.name;
    }
    if (chosen === 'eager') return new EagerEngine(task);
    if (chosen === 'graph') return createGraph();
    const unroll = chooseUnroll(task, steps);
    const createXla = (explicitPrecision: boolean) =>
      compile({ jit: true, unroll, stepsPerCall, explicitPrecision });
    return new XlaWithFallback(createXla, createGraph, note);
  } catch (error) {
    if (!canFallBack(error)) throw error;
    note(`falling back to the eager engine: ${error.message}`);
    return new EagerEngine(task);
  }
}

/**
 * An XLA engine that is replaced if compiling fails, and continues from the same state: first by one without explicit
 * precision, then by a graph engine. XLA compiles at the first run, so a failure does not show before.
 */
class XlaWithFallback implements Engine {
  #engine: CompiledEngine;
  readonly #createXla: (explicitPrecision: boolean) => CompiledEngine;
  readonly #createGraph: () => CompiledEngine;
  readonly #note: (line: string) => void;

  constructor(
    createXla: (explicitPrecision: boolean) => CompiledEngine,
    createGraph: () => CompiledEngine,
    note: (line: string) => void,
  ) {
    this.#engine = createXla(true);
    this.#createXla = createXla;
    this.#createGraph = createGraph;
    this.#note = note;
  }

  get name(): EngineName {
    return this.#engine.name;
  }

  get stepsPerCall(): number | undefined {
    return this.#engine.stepsPerCall;
  }

  run(rows: Int32Array): Float32Array {
    const stepBefore = this.#engine.step;
    try {
      return this.#engine.run(rows);
    } catch (error) {
      if (this.name !== 'xla' || !canFallBack(error) || this.#engine.step !== stepBefore) throw error;
      const { explicitPrecision } = this.#engine;
      if (error instanceof DamagedCacheError) this.#replace(() => this.#createXla(explicitPrecision));
      else if (explicitPrecision) this.#replace(() => this.#createXla(false));
      else {
        this.#note(`falling back to the graph engine: ${error.message}`);
        this.#replace(this.#createGraph);
      }
      return this.run(rows);
    }
  }

  #replace(create: () => CompiledEngine): void {
    const state = this.#engine.state();
    this.#engine.dispose();
    this.#engine = create();
    this.#engine.restore(state);
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

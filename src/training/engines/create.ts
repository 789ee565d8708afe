import { TensorFlowError } from '../../errors.ts';
import { RecordingError } from '../../graph/recording-error.ts';
import type { Engine, EngineName, TrainingState, TrainingTask } from '../engine.ts';
import { chooseEngine } from './choose.ts';
import { CompiledEngine } from './compiled.ts';
import { type RecordedStep, recordStep } from './compiled-step.ts';
import { EagerEngine } from './eager.ts';

export interface EngineHints {
  /** Steps that will be run. */
  readonly steps: number;
  /** Hears in one line which engine was chosen and why, and what was fallen back to. */
  note?(line: string): void;
}

/**
 * Makes the engine that was asked for, or the best one for `auto`. When XLA cannot compile the step the graph
 * loop takes over, and when the step cannot be put into a graph the eager engine does; `note` hears why.
 *
 * @throws TrainingError when the model has nothing to train or the loss is no scalar
 */
export function createEngine(name: EngineName | 'auto', task: TrainingTask, hints: EngineHints): Engine {
  const note = hints.note ?? (() => {});
  let recorded: RecordedStep | undefined;
  const step = () => {
    recorded ??= recordStep(task);
    return recorded;
  };
  try {
    const choice = name === 'auto' ? chooseEngine(hints.steps, () => step().program) : { name, reason: '' };
    if (choice.reason) note(`engine ${choice.name}: ${choice.reason}`);
    if (choice.name === 'eager') return new EagerEngine(task);
    const graph = () => new CompiledEngine(task, step(), { jit: false, stepsPerIteration: 1 });
    if (choice.name === 'graph') return graph();
    return new XlaWithFallback(new CompiledEngine(task, step(), xlaOptions()), graph, note);
  } catch (error) {
    if (!isLimit(error)) throw error;
    note(`falling back to the eager engine: ${error.message}`);
    return new EagerEngine(task);
  }
}

/** Several steps in one turn of the loop save a look at its condition; more than these cost more to compile. */
function xlaOptions() {
  return { jit: true, stepsPerIteration: 4 };
}

/** XLA compiles at the first run, so only then is it known whether it can. */
class XlaWithFallback implements Engine {
  #engine: Engine;
  #xla: CompiledEngine | undefined;
  readonly #graph: () => Engine;
  readonly #note: (line: string) => void;

  constructor(xla: CompiledEngine, graph: () => Engine, note: (line: string) => void) {
    this.#engine = xla;
    this.#xla = xla;
    this.#graph = graph;
    this.#note = note;
  }

  get name(): EngineName {
    return this.#engine.name;
  }

  run(rows: Int32Array): Float32Array {
    const before = this.#xla?.step;
    try {
      return this.#engine.run(rows);
    } catch (error) {
      if (!this.#xla || !isLimit(error) || this.#xla.step !== before) throw error;
      this.#note(`falling back to the graph engine: ${error.message}`);
      const state = this.#xla.state();
      this.#xla.dispose();
      this.#xla = undefined;
      this.#engine = this.#graph();
      this.#engine.restore(state);
      return this.#engine.run(rows);
    }
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

/** Whether another engine may succeed where this error came up. */
function isLimit(error: unknown): error is RecordingError | TensorFlowError {
  return error instanceof RecordingError || error instanceof TensorFlowError;
}

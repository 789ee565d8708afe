import { TensorFlowError } from '../../errors.ts';
import { RecordingError } from '../../graph/index.ts';
import { DamagedCacheError, DeviceError, nativeBackend } from '../../tensorflow/index.ts';
import {
  type Engine,
  type EngineName,
  requireEngine,
  type TrainingState,
  type TrainingTask,
} from '../engine.ts';
import { chooseEngine } from './choose.ts';
import { CompiledEngine, type CompiledOptions } from './compiled.ts';
import { recordStep } from './compiled-step.ts';
import { EagerEngine } from './eager.ts';

export interface EngineHints {
  /** Steps that will be run. */
  readonly steps: number;
  /** Steps of each call, where it is known that they will be few, such as those between two checks. */
  readonly stepsPerCall?: number;
  /** Hears in one line which engine was chosen and why, and what was fallen back to. */
  note?(line: string): void;
}

/**
 * Makes the engine that was asked for, or the best one for `auto`. When XLA cannot compile the step the graph
 * loop takes over, and when the step cannot be put into a graph the eager engine does; `note` hears why.
 *
 * @throws TrainingError when the model has nothing to train or the loss is no scalar
 * @throws UsageError when there is no such engine
 */
export function createEngine(name: EngineName | 'auto', task: TrainingTask, hints: EngineHints): Engine {
  requireEngine(name);
  const note = hints.note ?? (() => {});
  const graph = () => compile(task, { jit: false, stepsPerIteration: 1 });
  try {
    const choice = name === 'auto' ? chooseEngine(hints.steps, () => recordStep(task).program) : { name };
    if (choice.reason) note(`engine ${choice.name}: ${choice.reason}`);
    if (choice.name === 'eager') return new EagerEngine(task);
    if (choice.name === 'graph') return graph();
    const options = {
      jit: true,
      stepsPerIteration: stepsPerIteration(task, hints.steps),
      steps: hints.stepsPerCall ?? hints.steps,
    };
    const xla = (explicitPrecision = true) => compile(task, { ...options, explicitPrecision });
    return new XlaWithFallback(xla, graph, note);
  } catch (error) {
    if (!isLimit(error)) throw error;
    note(`falling back to the eager engine: ${error.message}`);
    return new EagerEngine(task);
  }
}

function compile(task: TrainingTask, options: CompiledOptions): CompiledEngine {
  return new CompiledEngine(task, recordStep(task), options);
}

/**
 * Four steps in one turn of the loop run a fifth faster where steps are short, and take twice as long to
 * compile, which only long runs of small adapters earn back. Then n steps and m give the bits of n + m when n is
 * a multiple of four, and otherwise the same to rounding. On a GPU the loop itself costs next to nothing.
 */
function stepsPerIteration({ model }: TrainingTask, steps: number): number {
  if (nativeBackend().binding.isUsingGpuDevice()) return 1;
  const trained = model.trainableWeights.reduce((sum, weight) => sum + weight.read().size, 0);
  return trained < 50_000 && steps >= 50_000 ? 4 : 1;
}

/** XLA compiles at the first run, so only then is it known whether it can. */
class XlaWithFallback implements Engine {
  #engine: CompiledEngine;
  readonly #xla: (explicitPrecision?: boolean) => CompiledEngine;
  readonly #graph: () => CompiledEngine;
  readonly #note: (line: string) => void;

  constructor(
    xla: (explicitPrecision?: boolean) => CompiledEngine,
    graph: () => CompiledEngine,
    note: (line: string) => void,
  ) {
    this.#engine = xla();
    this.#xla = xla;
    this.#graph = graph;
    this.#note = note;
  }

  get name(): EngineName {
    return this.#engine.name;
  }

  get stepsPerCall(): number | undefined {
    return this.#engine.stepsPerCall;
  }

  run(rows: Int32Array): Float32Array {
    const before = this.#engine.step;
    try {
      return this.#engine.run(rows);
    } catch (error) {
      if (this.name !== 'xla' || !isLimit(error) || this.#engine.step !== before) throw error;
      const { explicitPrecision } = this.#engine;
      if (error instanceof DamagedCacheError) this.#replace(() => this.#xla(explicitPrecision));
      else if (explicitPrecision) this.#replace(() => this.#xla(false));
      else {
        this.#note(`falling back to the graph engine: ${error.message}`);
        this.#replace(this.#graph);
      }
      return this.run(rows);
    }
  }

  #replace(make: () => CompiledEngine): void {
    const state = this.#engine.state();
    this.#engine.dispose();
    this.#engine = make();
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

/** Whether another engine may succeed where this error came up; a device that is full or broken is one for all. */
function isLimit(error: unknown): error is RecordingError | TensorFlowError {
  if (error instanceof DeviceError) return false;
  return error instanceof RecordingError || error instanceof TensorFlowError;
}

/**
 * The engines `graph` and `xla`: one optimizer step is recorded, and from then on runs as a loop inside TensorFlow.
 *
 * An op that runs eagerly costs about 10 µs in JavaScript and the addon, and a step has 150 to 180 of them, most of
 * them the optimizer's. Here JavaScript makes one call for hundreds of steps.
 *
 *   task --recordStep--> RecordedStep --emitIteration--> loop body --buildTrainingGraph--> graph --Session--> losses
 *               1                             2                              3                      4
 *
 * 1. record-step.ts runs one step and records it as a program, a list of TensorFlow ops. They compute the loss and the
 *    gradients from a batch, the number of the step, and the weights. fused-update.ts describes what the optimizer
 *    then does, as one op of TensorFlow or as arithmetic; for other optimizers the program contains the update.
 * 2. loop-body.ts writes the program into a graph as one iteration of a loop: gather the batch, compute loss and
 *    gradients, update weights and slots (updates.ts), store the loss. iteration-builder.ts adds the single nodes.
 *    control-dependencies.ts lets XLA update large weights in place.
 * 3. training-graph.ts puts that body into a while loop, once or several times in a row (unrolled). Data, weights,
 *    slots and losses are variables of a TensorFlow session: they stay on the device, and a call passes row numbers
 *    in and losses out.
 * 4. This file loads the graph into a session, and runs steps in calls. call-size.ts chooses how many a call can run,
 *    call-feeds.ts what it passes in, and thread-count.ts how many threads run it.
 *
 * The two engines run the same graph. For `graph`, TensorFlow runs it node by node. For `xla`, the nodes of the loop
 * have an attribute that makes XLA compile the loop as one program, and some ops are replaced by others that XLA
 * compiles to faster code (src/graph/xla).
 */
import { supportsExplicitPrecision, type XlaTarget } from '../../graph/index.ts';
import {
  explicitPrecisionAllowed,
  GraphBuilder,
  nativeBackend,
  Session,
  startXlaOnSharedThreads,
  type TensorValues,
  withExplicitPrecision,
} from '../../tensorflow/index.ts';
import { countSteps } from '../data.ts';
import type { Engine } from '../engines/engine.ts';
import type { TrainingTask } from '../task.ts';
import { stateValues, type TrainingState } from '../training-state.ts';
import { requireSameTrainable } from '../weights.ts';
import { callFeeds } from './call-feeds.ts';
import { type CallSize, chooseCallSize } from './call-size.ts';
import type { RecordedStep } from './record-step.ts';
import { SyncedVariables } from './synced-variables.ts';
import { chooseThreads } from './thread-count.ts';
import { arrayValues, buildTrainingGraph, type TrainingGraph } from './training-graph.ts';

/** Options of `CompiledEngine`. */
export interface CompiledOptions {
  /** Compile the loop with XLA; otherwise TensorFlow's executor runs it node by node. */
  readonly jit: boolean;
  /** How many steps the loop runs per pass. Default 1. */
  readonly unroll?: number;
  /** Number of steps of each call of `run`, if known. A loop of fixed length then runs fewer unused iterations. */
  readonly stepsPerCall?: number;
  /** Make matrix products specify their precision on a GPU, if all of them can. Default true. */
  readonly explicitPrecision?: boolean;
  /** Device to write the loop for; only with `jit`. Default: the device that TensorFlow uses. */
  readonly target?: XlaTarget;
}

/** Runs a recorded step in a loop of one TensorFlow graph. Only `syncModel` updates the model's weights. */
export class CompiledEngine implements Engine {
  readonly name: 'graph' | 'xla';
  /** Whether matrix products specify their precision, which some GPUs do not support. */
  readonly explicitPrecision: boolean;
  readonly #task: TrainingTask;
  readonly #recorded: RecordedStep;
  readonly #xla: XlaTarget | undefined;
  readonly #unroll: number;
  readonly #call: CallSize;
  readonly #graph: TrainingGraph;
  readonly #session: Session;
  /** The variables whose values the session has. */
  readonly #variables: SyncedVariables;
  #step = 0;

  /** @throws TensorFlowError if TensorFlow rejects the graph */
  constructor(task: TrainingTask, recorded: RecordedStep, options: CompiledOptions) {
    const { program } = recorded;
    this.name = options.jit ? 'xla' : 'graph';
    this.#task = task;
    this.#recorded = recorded;
    this.#xla = options.jit ? (options.target ?? currentTarget()) : undefined;
    this.#unroll = options.unroll ?? 1;
    this.#call = chooseCallSize(program, {
      xla: this.#xla,
      batchSize: task.batchSize,
      steps: options.stepsPerCall,
    });
    this.explicitPrecision =
      this.#xla === 'gpu' &&
      explicitPrecisionAllowed() &&
      supportsExplicitPrecision(program) &&
      options.explicitPrecision !== false;

    const builder = new GraphBuilder();
    this.#graph = buildTrainingGraph(builder, recorded, task, {
      xla: this.#xla,
      explicitPrecision: this.explicitPrecision,
      unroll: this.#unroll,
      ...this.#call,
    });
    this.#session = new Session(builder.nodes, { threads: this.#ownThreads() });
    this.#variables = new SyncedVariables(recorded.weights, this.#graph.state, this.#session);
    try {
      this.#initializeVariables();
    } catch (error) {
      this.#session.dispose();
      throw error;
    }
  }

  /** Number of optimizer steps done, including those of a restored state. */
  get step(): number {
    return this.#step;
  }

  get stepsPerCall(): number | undefined {
    return this.#xla === 'gpu' ? this.#call.capacity : undefined;
  }

  /**
   * Returns whether the engine would train otherwise if it were created now: then create a new one from its state.
   *
   * @throws TrainingError if other weights are trainable than when the engine was created
   */
  isOutdated(): boolean {
    requireSameTrainable(this.#task.model, this.#recorded.trainable);
    return this.#recorded.isOutdated();
  }

  run(rows: Int32Array): Float32Array {
    const { batchSize, data, model } = this.#task;
    requireSameTrainable(model, this.#recorded.trainable);
    const steps = countSteps(rows, batchSize, data);
    this.#variables.writeAssigned();
    const losses = new Float32Array(steps);
    for (let first = 0; first < steps; ) {
      const most = this.#call.capacity - (this.#step % this.#unroll);
      const count = Math.min(most, steps - first);
      const callRows = rows.subarray(first * batchSize, (first + count) * batchSize);
      losses.set(this.#runCall(callRows, count), first);
      first += count;
    }
    this.#variables.read(this.#changedNames(true));
    return losses;
  }

  state(): TrainingState {
    const { slots } = this.#recorded;
    this.#variables.writeAssigned();
    const weightNames = this.#changedNames(false);
    const values = this.#graph.state.read(this.#session, [...weightNames, ...slots.keys()]);
    const pick = (names: Iterable<string>) =>
      new Map([...names].map((name) => [name, values.get(name) as Float32Array]));
    return { step: this.#step, weights: pick(weightNames), slots: pick(slots.keys()) };
  }

  restore(state: TrainingState): void {
    const { slots, weights } = this.#recorded;
    const values = new Map<string, Float32Array>();
    for (const name of this.#changedNames(false)) {
      values.set(name, stateValues(state.weights, name, weights.get(name)!.size));
    }
    for (const [name, { size }] of slots) values.set(name, stateValues(state.slots, name, size));
    this.#variables.writeAssigned();
    this.#graph.state.write(this.#session, values);
    this.#step = state.step;
  }

  syncModel(): void {
    this.#variables.writeAssigned();
    this.#variables.read(this.#changedNames(false));
  }

  dispose(): void {
    this.#session.dispose();
  }

  /** Names of the variables that a step may change: weights of the model, or others that the loss assigns. */
  #changedNames(isOther: boolean): string[] {
    const { changedWeights, otherVariables } = this.#recorded;
    return [...changedWeights].filter((name) => otherVariables.has(name) === isOther);
  }

  /** Number of threads that only this session uses; undefined if it shares TensorFlow's. */
  #ownThreads(): number | undefined {
    const threads = currentTarget() === 'gpu' ? undefined : chooseThreads(this.#recorded);
    if (threads !== undefined && this.#xla) startXlaOnSharedThreads();
    return threads;
  }

  /** Copies the data, the variables and the initial slots to the device. */
  #initializeVariables(): void {
    const { state, arrays, losses } = this.#graph;
    const { slots } = this.#recorded;
    this.#variables.writeAssigned();
    const values = new Map<string, TensorValues>();
    for (const [name, { size, initial }] of slots) values.set(name, new Float32Array(size).fill(initial));
    state.write(this.#session, values);
    arrays.write(this.#session, arrayValues(this.#task.data));
    losses.write(this.#session, new Map([['losses', new Float32Array(this.#call.capacity)]]));
  }

  /** Runs steps in one call of the session, and returns their losses. */
  #runCall(rows: Int32Array, count: number): Float32Array {
    const { batchSize } = this.#task;
    const steps = { rows, count, done: this.#step, batchSize, unroll: this.#unroll };
    const { feeds, first, end } = callFeeds(this.#recorded, this.#call, steps);
    const run = () => this.#session.read(feeds, [this.#graph.run]);
    const [losses] = this.explicitPrecision ? withExplicitPrecision(run) : run();
    this.#step += count;
    return (losses as Float32Array).subarray(first, end);
  }
}

const currentTarget = (): XlaTarget => (nativeBackend().binding.isUsingGpuDevice() ? 'gpu' : 'cpu');

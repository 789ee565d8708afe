import * as tf from '@tensorflow/tfjs';
import { TrainingError } from '../../errors.ts';
import { supportsExplicitPrecision, type XlaTarget } from '../../graph/index.ts';
import {
  explicitPrecisionAllowed,
  GraphBuilder,
  type HostTensor,
  int64Words,
  nativeBackend,
  Session,
  type TensorValues,
  withExplicitPrecision,
} from '../../tensorflow/index.ts';
import type { Engine, TrainingState, TrainingTask } from '../engine.ts';
import { checkRows } from '../rows.ts';
import { namedWeights } from '../weights.ts';
import { type CallLength, callLength } from './call-length.ts';
import { columnValues } from './compiled-data.ts';
import { buildTrainingGraph, type TrainingGraph } from './compiled-graph.ts';
import type { RecordedStep } from './compiled-step.ts';

export interface CompiledOptions {
  /** Compile the loop with XLA; otherwise TensorFlow's executor runs it node by node. */
  readonly jit: boolean;
  /** Write the step as XLA runs it best there; by default where it will run. */
  readonly target?: XlaTarget;
  /** Let products say how precise they have to be, where all can; by default true. */
  readonly explicitPrecision?: boolean;
  /** Steps written out in the body of the loop. */
  readonly stepsPerIteration: number;
  /** Steps that will be run from one pause to the next: a loop of fixed length is made to fit them. */
  readonly steps?: number;
}

/** An engine that records one step, puts it into a loop of one TensorFlow graph, and runs that. */
export class CompiledEngine implements Engine {
  readonly name: 'graph' | 'xla';
  /** Whether products say how precise they have to be, which not every card can heed. */
  readonly explicitPrecision: boolean;
  readonly #task: TrainingTask;
  readonly #options: CompiledOptions;
  readonly #length: CallLength;
  readonly #recorded: RecordedStep;
  readonly #xla: XlaTarget | undefined;
  readonly #graph: TrainingGraph;
  readonly #session: Session;
  #done = 0;

  /** @throws TensorFlowError when TensorFlow refuses the graph */
  constructor(task: TrainingTask, step: RecordedStep, options: CompiledOptions) {
    this.name = options.jit ? 'xla' : 'graph';
    this.#task = task;
    this.#options = options;
    this.#recorded = step;
    this.#xla = options.jit ? (options.target ?? xlaTarget()) : undefined;
    const { steps } = options;
    this.#length = callLength(step.program, { xla: this.#xla, batchSize: task.batchSize, steps });
    const stated =
      this.#xla === 'gpu' && explicitPrecisionAllowed() && supportsExplicitPrecision(step.program);
    this.explicitPrecision = stated && options.explicitPrecision !== false;
    [this.#graph, this.#session] = this.#open();
  }

  /** Optimizer steps done. */
  get step(): number {
    return this.#done;
  }

  get stepsPerCall(): number | undefined {
    return this.#xla === 'gpu' ? this.#length.turns : undefined;
  }

  run(rows: Int32Array): Float32Array {
    const { batchSize, data } = this.#task;
    const steps = checkRows(rows, batchSize, data.rows);
    const losses = new Float32Array(steps);
    for (let first = 0; first < steps; ) {
      const room = this.#length.turns - (this.#done % this.#options.stepsPerIteration);
      const count = Math.min(room, steps - first);
      const part = rows.subarray(first * batchSize, (first + count) * batchSize);
      losses.set(this.#runChunk(part, count), first);
      first += count;
    }
    return losses;
  }

  state(): TrainingState {
    const { changed, slots } = this.#recorded;
    const values = this.#graph.state.read(this.#session, [...changed, ...slots.keys()]);
    const pick = (names: Iterable<string>) =>
      new Map([...names].map((name) => [name, values.get(name) as Float32Array]));
    return { step: this.#done, weights: pick(changed), slots: pick(slots.keys()) };
  }

  restore(state: TrainingState): void {
    const { changed, slots, weights } = this.#recorded;
    const values = new Map<string, Float32Array>();
    for (const name of changed) values.set(name, valuesOf(state.weights, name, weights.get(name)!.size));
    for (const [name, { size }] of slots) values.set(name, valuesOf(state.slots, name, size));
    this.#graph.state.write(this.#session, values);
    this.#done = state.step;
  }

  syncModel(): void {
    const { weights } = this.state();
    for (const [name, variable] of namedWeights(this.#task.model)) {
      const values = weights.get(name);
      if (values === undefined) continue;
      tf.tidy(() => variable.assign(tf.tensor(values, variable.shape, variable.dtype)));
    }
  }

  dispose(): void {
    this.#session.dispose();
  }

  /** Makes the graph and puts the data, the model's weights and empty slots on the device. */
  #open(): [TrainingGraph, Session] {
    const builder = new GraphBuilder();
    const graph = buildTrainingGraph(builder, this.#recorded, this.#task, {
      ...this.#options,
      xla: this.#xla,
      explicitPrecision: this.explicitPrecision,
      fixed: this.#length.fixed,
      capacity: this.#length.turns,
    });
    const session = new Session(builder.nodes);
    try {
      this.#fill(graph, session);
    } catch (error) {
      session.dispose();
      throw error;
    }
    return [graph, session];
  }

  #fill({ state, columns, losses }: TrainingGraph, session: Session): void {
    const values = new Map<string, TensorValues>();
    for (const [name, variable] of this.#recorded.weights)
      values.set(name, variable.dataSync() as Float32Array);
    for (const [name, { size, initial }] of this.#recorded.slots)
      values.set(name, new Float32Array(size).fill(initial));
    state.write(session, values);
    const { inputs, labels } = this.#task.data;
    columns.write(
      session,
      new Map([...inputs, labels].map((column, index) => [`column${index}`, columnValues(column)])),
    );
    losses.write(session, new Map([['losses', new Float32Array(this.#length.turns)]]));
  }

  #runChunk(rows: Int32Array, steps: number): Float32Array {
    const { batchSize } = this.#task;
    const { turns, fixed } = this.#length;
    const group = this.#options.stepsPerIteration;
    // The k-th step of a group is always the k-th copy in the loop's body, as copies may round differently.
    const first = this.#done % group;
    const end = first + steps;
    const padded = new Int32Array(turns * batchSize);
    padded.set(rows, first * batchSize);
    const int = (value: number): HostTensor => ({ dtype: 'int32', shape: [], values: Int32Array.of(value) });
    const feeds: Record<string, HostTensor> = {
      rows: { dtype: 'int64', shape: [turns, batchSize], values: int64Words(padded) },
      step: int(this.#done - first),
      ...(!fixed && { turns: int(Math.ceil(end / group) * group) }),
      ...((group > 1 || fixed) && { first: int(first), end: int(end) }),
      ...this.#scalars(this.#done - first, end),
    };
    const execute = () => this.#session.execute(feeds, [this.#graph.done]);
    if (this.explicitPrecision) withExplicitPrecision(execute);
    else execute();
    this.#done += steps;
    return this.#graph.losses.read(this.#session).get('losses')!.slice(first, end) as Float32Array;
  }

  /** Numbers that the update takes at each step, such as the learning rate. */
  #scalars(first: number, end: number): Record<string, HostTensor> {
    const { scalarNames, scalarsAt } = this.#recorded;
    const { turns } = this.#length;
    const columns = scalarNames.map(() => new Float32Array(turns));
    for (let turn = 0; turn < end; turn++) {
      scalarsAt(first + turn).forEach((value, index) => {
        columns[index]![turn] = value;
      });
    }
    return Object.fromEntries(
      scalarNames.map((name, index) => [name, { dtype: 'float32', shape: [turns], values: columns[index]! }]),
    );
  }
}

const xlaTarget = (): XlaTarget => (nativeBackend().binding.isUsingGpuDevice() ? 'gpu' : 'cpu');

function valuesOf(values: ReadonlyMap<string, Float32Array>, name: string, size: number): Float32Array {
  const found = values.get(name);
  if (found?.length !== size) {
    throw new TrainingError(
      'training-failed',
      `the state has ${found?.length ?? 'no'} values of '${name}', the task needs ${size}; it belongs to another task`,
    );
  }
  return found;
}

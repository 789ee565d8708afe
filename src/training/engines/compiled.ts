import * as tf from '@tensorflow/tfjs';
import type { ConstantValues } from '../../graph/data-types.ts';
import { GraphBuilder } from '../../graph/graph-builder.ts';
import { type Feed, Session } from '../../graph/session.ts';
import { int64Words } from '../../graph/session-variables.ts';
import type { Engine, TrainingState, TrainingTask } from '../engine.ts';
import { checkRows } from '../rows.ts';
import { namedWeights } from '../weights.ts';
import { columnValues } from './compiled-data.ts';
import { buildTrainingGraph, type TrainingGraph } from './compiled-graph.ts';
import type { RecordedStep } from './compiled-step.ts';

/** Steps that one call of the session can make; rows are fed for as many, whatever their number. */
const capacity = 512;

export interface CompiledOptions {
  /** Compile the loop with XLA; otherwise TensorFlow's executor runs it node by node. */
  readonly jit: boolean;
  /** Steps written out in the body of the main loop; a second loop makes the steps that are left. */
  readonly stepsPerIteration: number;
}

/** An engine that records one step, puts it into a loop of one TensorFlow graph, and runs that. */
export class CompiledEngine implements Engine {
  readonly name: 'graph' | 'xla';
  readonly #task: TrainingTask;
  readonly #recorded: RecordedStep;
  readonly #graph: TrainingGraph;
  readonly #session: Session;
  #done = 0;

  /** @throws TensorFlowError when TensorFlow refuses the graph */
  constructor(task: TrainingTask, step: RecordedStep, { jit, stepsPerIteration }: CompiledOptions) {
    this.name = jit ? 'xla' : 'graph';
    this.#task = task;
    this.#recorded = step;
    const builder = new GraphBuilder();
    this.#graph = buildTrainingGraph(builder, this.#recorded, task, { jit, stepsPerIteration, capacity });
    this.#session = new Session(builder.nodes);
    try {
      this.#fill();
    } catch (error) {
      this.dispose();
      throw error;
    }
  }

  /** Optimizer steps done. */
  get step(): number {
    return this.#done;
  }

  run(rows: Int32Array): Float32Array {
    const { batchSize, data } = this.#task;
    const steps = checkRows(rows, batchSize, data.rows);
    const losses = new Float32Array(steps);
    for (let first = 0; first < steps; first += capacity) {
      const count = Math.min(capacity, steps - first);
      const part = rows.subarray(first * batchSize, (first + count) * batchSize);
      losses.set(this.#runChunk(part, count), first);
    }
    return losses;
  }

  state(): TrainingState {
    const values = this.#graph.state.read(this.#session) as Map<string, Float32Array>;
    const weights = new Map<string, Float32Array>();
    const slots = new Map<string, Float32Array>();
    for (const [name, array] of values) {
      if (this.#recorded.slots.has(name)) slots.set(name, array);
      else if (this.#recorded.changed.has(name)) weights.set(name, array);
    }
    return { step: this.#done, weights, slots };
  }

  restore(state: TrainingState): void {
    this.#graph.state.write(this.#session, new Map([...state.weights, ...state.slots]));
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

  /** Puts the data, the model's weights and empty slots on the device. */
  #fill(): void {
    const { state, columns } = this.#graph;
    const values = new Map<string, ConstantValues>();
    for (const [name, variable] of this.#recorded.weights)
      values.set(name, variable.dataSync() as Float32Array);
    for (const [name, { size, initial }] of this.#recorded.slots)
      values.set(name, new Float32Array(size).fill(initial));
    state.write(this.#session, values);
    const { inputs, labels } = this.#task.data;
    columns.write(
      this.#session,
      new Map([...inputs, labels].map((column, index) => [`column${index}`, columnValues(column)])),
    );
    this.#graph.losses.write(this.#session, new Map([['losses', new Float32Array(capacity)]]));
  }

  #runChunk(rows: Int32Array, steps: number): Float32Array {
    const { batchSize } = this.#task;
    const int = (value: number): Feed => ({ dtype: 'int32', shape: [], values: Int32Array.of(value) });
    const feeds: Record<string, Feed> = {
      rows: { dtype: 'int64', shape: [capacity, batchSize], values: int64Words(rows, capacity * batchSize) },
      step: int(this.#done),
      ...this.#scalars(steps),
    };
    const { loops } = this.#graph;
    let first = 0;
    for (const { done, turnsPerIteration } of loops) {
      const end = steps - ((steps - first) % turnsPerIteration);
      if (end > first) this.#session.execute({ ...feeds, first: int(first), end: int(end) }, [done]);
      first = end;
    }
    this.#done += steps;
    return this.#graph.losses.read(this.#session).get('losses')!.slice(0, steps) as Float32Array;
  }

  /** Numbers that the update takes at each step, such as the learning rate. */
  #scalars(steps: number): Record<string, Feed> {
    const { scalarNames, scalarsAt } = this.#recorded;
    const columns = scalarNames.map(() => new Float32Array(capacity));
    for (let step = 0; step < steps; step++) {
      scalarsAt(this.#done + step).forEach((value, index) => {
        columns[index]![step] = value;
      });
    }
    return Object.fromEntries(
      scalarNames.map((name, index) => [
        name,
        { dtype: 'float32', shape: [capacity], values: columns[index]! },
      ]),
    );
  }
}

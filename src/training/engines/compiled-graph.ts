import { type TensorSpec, whileLoop, type XlaTarget } from '../../graph/index.ts';
import { type GraphBuilder, SessionVariables } from '../../tensorflow/index.ts';
import type { TrainingTask } from '../engine.ts';
import { columnType } from './compiled-data.ts';
import type { RecordedStep } from './compiled-step.ts';
import { emitStep, type StepParts } from './compiled-turn.ts';

export interface TrainingGraph {
  /** Weights and slots, by the names of the training state. */
  readonly state: SessionVariables;
  /** The data, `column0` and on. */
  readonly columns: SessionVariables;
  /** `losses`: the loss of each step of a call. */
  readonly losses: SessionVariables;
  /** What to fetch to run the loop. */
  readonly done: string;
}

export interface TrainingGraphOptions {
  /** What XLA compiles the loop for; otherwise TensorFlow's executor runs it node by node. */
  readonly xla: XlaTarget | undefined;
  /** Let large products say how precise they have to be; the graph is then to be run by `withStatedPrecision`. */
  readonly explicitPrecision?: boolean;
  /** Make `capacity` turns in each call, which XLA then knows; of them those from `first` to before `end` count. */
  readonly fixed?: boolean;
  readonly stepsPerIteration: number;
  /** Most turns of one call. */
  readonly capacity: number;
}

/** Writes the graph that runs a recorded step in a loop: data, weights, slots and losses are its variables. */
export function buildTrainingGraph(
  graph: GraphBuilder,
  step: RecordedStep,
  task: TrainingTask,
  { xla, explicitPrecision = false, fixed = false, stepsPerIteration, capacity }: TrainingGraphOptions,
): TrainingGraph {
  const handles = new Map<string, string>();
  const group = (prefix: string) => new SessionVariables(graph, prefix);
  const [state, columns, losses] = [group('state'), group('column'), group('loss')];
  const declare = (variables: SessionVariables, name: string, spec: TensorSpec) => {
    handles.set(name, variables.add({ name, ...spec }));
  };
  for (const [name, { shape }] of step.weights) declare(state, name, { dtype: 'float32', shape });
  for (const [name, { shape }] of step.slots) declare(state, name, { dtype: 'float32', shape });
  [...task.data.inputs, task.data.labels].forEach((column, index) => {
    const shape = [task.data.rows, ...column.featureShape];
    declare(columns, `column${index}`, { dtype: columnType(column), shape });
  });
  declare(losses, 'losses', { dtype: 'float32', shape: [capacity] });
  const scalar = { dtype: 'int32', shape: [] } as const;
  const parts: StepParts = {
    graph,
    step,
    task,
    xla,
    explicitPrecision,
    handles,
    rows: graph.placeholder('rows', { dtype: 'int64', shape: [capacity, task.batchSize] }),
    number: graph.placeholder('step', scalar),
    active: (fixed || stepsPerIteration > 1) && {
      first: graph.placeholder('first', scalar),
      end: graph.placeholder('end', scalar),
    },
    scalars: new Map(
      step.scalarNames.map((name) => [
        name,
        graph.placeholder(name, { dtype: 'float32', shape: [capacity] }),
      ]),
    ),
  };
  const done = whileLoop(graph, {
    name: 'train',
    iterations: fixed ? capacity : graph.placeholder('turns', scalar),
    unroll: stepsPerIteration,
    jit: xla !== undefined,
    body: (turn) => emitStep(parts, turn),
  });
  return { state, columns, losses, done };
}

import type { DataType } from '../../graph/data-types.ts';
import { emitProgram, gate } from '../../graph/emit.ts';
import { type GraphBuilder, output } from '../../graph/graph-builder.ts';
import { type Turn, whileLoop } from '../../graph/loop.ts';
import type { TensorSpec } from '../../graph/program.ts';
import { SessionVariables } from '../../graph/session-variables.ts';
import type { TrainingTask } from '../engine.ts';
import { columnType } from './compiled-data.ts';
import type { RecordedStep } from './compiled-step.ts';
import { gradient } from './compiled-updates.ts';

export interface TrainingGraph {
  /** Weights and slots, by the names of the training state. */
  readonly state: SessionVariables;
  /** The data, `column0` and on. */
  readonly columns: SessionVariables;
  /** `losses`: the loss of each step of a call. */
  readonly losses: SessionVariables;
  /** Loops to run one after another; `done` is what to fetch. The last makes single steps. */
  readonly loops: readonly { readonly done: string; readonly turnsPerIteration: number }[];
}

export interface TrainingGraphOptions {
  readonly jit: boolean;
  readonly stepsPerIteration: number;
  /** Most steps of one call. */
  readonly capacity: number;
}

interface Parts {
  readonly graph: GraphBuilder;
  readonly step: RecordedStep;
  readonly task: TrainingTask;
  /** Handles of all variables by name. */
  readonly handles: ReadonlyMap<string, string>;
  readonly rows: string;
  readonly number: string;
  readonly scalars: ReadonlyMap<string, string>;
}

/** Writes the graph that runs a recorded step in a loop: data, weights, slots and losses are its variables. */
export function buildTrainingGraph(
  graph: GraphBuilder,
  step: RecordedStep,
  task: TrainingTask,
  { jit, stepsPerIteration, capacity }: TrainingGraphOptions,
): TrainingGraph {
  const handles = new Map<string, string>();
  const group = (prefix: string) => new SessionVariables(graph, prefix);
  const [state, columns, losses] = [group('state'), group('column'), group('loss')];
  const declare = (variables: SessionVariables, name: string, spec: TensorSpec) => {
    handles.set(name, variables.add({ name, ...spec }));
  };
  for (const [name, { shape }] of step.variables) declare(state, name, { dtype: 'float32', shape });
  for (const [name, { shape }] of step.slots) declare(state, name, { dtype: 'float32', shape });
  [...task.data.inputs, task.data.labels].forEach((column, index) => {
    const shape = [task.data.rows, ...column.rowShape];
    declare(columns, `column${index}`, { dtype: columnType(column), shape });
  });
  declare(losses, 'losses', { dtype: 'float32', shape: [capacity] });
  const scalar = { dtype: 'int32', shape: [] } as const;
  const parts: Parts = {
    graph,
    step,
    task,
    handles,
    rows: graph.placeholder('rows', { dtype: 'int64', shape: [capacity, task.batchSize] }),
    number: graph.placeholder('step', scalar),
    scalars: new Map(
      step.scalarNames.map((name) => [
        name,
        graph.placeholder(name, { dtype: 'float32', shape: [capacity] }),
      ]),
    ),
  };
  const first = graph.placeholder('first', scalar);
  const end = graph.placeholder('end', scalar);
  const loops = [...new Set([stepsPerIteration, 1])].map((turnsPerIteration) => ({
    turnsPerIteration,
    done: whileLoop(graph, {
      name: `train${turnsPerIteration}`,
      first,
      end,
      turnsPerIteration,
      jit,
      body: (turn) => emitStep(parts, turn),
    }),
  }));
  return { state, columns, losses, loops };
}

/** Writes one step and gives the nodes that complete it. */
function emitStep(parts: Parts, turn: Turn): string[] {
  const { graph, step, task, handles } = parts;
  const columnCount = task.data.inputs.length + 1;
  const handle = (name: string) => turn.outside(handles.get(name)!, 'resource');
  const zero = turn.constant({ dtype: 'int32', shape: [] }, Int32Array.of(0));
  const pick = (values: string, dtype: DataType) =>
    graph.add('GatherV2', [turn.outside(values, dtype), turn.index, zero], {
      Tparams: { type: dtype },
      Tindices: { type: 'int32' },
      Taxis: { type: 'int32' },
      batch_dims: { int: 0 },
    });
  const rows = pick(parts.rows, 'int64');
  const names = [...step.variables.keys()];
  const { outputs, assignments, reads } = emitProgram(step.program, {
    graph,
    controls: turn.controls,
    input: (index) => {
      if (index < columnCount) return gatherColumn(parts, turn, rows, index);
      return graph.add('AddV2', [turn.outside(parts.number, 'int32'), turn.index], { T: { type: 'int32' } });
    },
    variable: (index) =>
      graph.add('ReadVariableOp', [handle(names[index]!), ...turn.controls], { dtype: { type: 'float32' } }),
    constant: ({ outputs, values }) => turn.constant(outputs[0]!, values),
  });
  const [loss, ...gradients] = outputs as [string, ...string[]];
  const ready = gate(graph, [...outputs, ...reads, ...assignments.map(({ value }) => value)]);
  const scalars = new Map(step.scalarNames.map((name) => [name, pick(parts.scalars.get(name)!, 'float32')]));
  const operand = (value: string | number) =>
    typeof value === 'string'
      ? scalars.get(value)!
      : turn.constant({ dtype: 'float32', shape: [] }, Float32Array.of(value));
  const { update } = step;
  const updates = step.trained.map((name, index) => {
    const targets = [name, ...update.slots.map((slot) => `${slot.name}/${name}`)].map(handle);
    const inputs = update.inputs.map((input) => (input === gradient ? gradients[index]! : operand(input)));
    return graph.add(update.op, [...targets, ...inputs, ready], update.attributes);
  });
  const assigns = assignments.map(({ variable, value }) =>
    graph.add('AssignVariableOp', [handle(names[variable]!), value, ready], { dtype: { type: 'float32' } }),
  );
  const record = graph.add('ResourceScatterUpdate', [handle('losses'), turn.index, loss], {
    dtype: { type: 'float32' },
    Tindices: { type: 'int32' },
  });
  return [...updates, ...assigns, record];
}

/** The batch of a column, as the loss sees it: bytes and float32 as float32, whole numbers as int32. */
function gatherColumn({ graph, handles, task }: Parts, turn: Turn, rows: string, index: number): string {
  const { inputs, labels } = task.data;
  const label = index === inputs.length;
  const column = inputs[index] ?? labels;
  const stored = columnType(column);
  const batch = graph.add(
    'ResourceGather',
    [turn.outside(handles.get(`column${index}`)!, 'resource'), rows],
    {
      dtype: { type: stored },
      Tindices: { type: 'int64' },
      batch_dims: { int: 0 },
      validate_indices: { bool: true },
    },
  );
  const wanted: DataType = stored === 'int64' || (label && stored === 'uint8') ? 'int32' : 'float32';
  if (stored === wanted) return output(batch, 0);
  return graph.add('Cast', [batch], {
    SrcT: { type: stored },
    DstT: { type: wanted },
    Truncate: { bool: false },
  });
}

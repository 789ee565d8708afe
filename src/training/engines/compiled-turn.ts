import { emitProgram, group, type Iteration, type XlaTarget } from '../../graph/index.ts';
import { type DataType, type GraphBuilder, outputName } from '../../tensorflow/index.ts';
import type { TrainingTask } from '../engine.ts';
import { columnType } from './compiled-data.ts';
import { emitMoves } from './compiled-moves.ts';
import { afterReaders } from './compiled-order.ts';
import type { RecordedStep } from './compiled-step.ts';

/** What the turns of a training loop have in common. */
export interface StepParts {
  readonly graph: GraphBuilder;
  readonly step: RecordedStep;
  readonly task: TrainingTask;
  readonly xla: XlaTarget | undefined;
  readonly explicitPrecision: boolean;
  /** Handles of all variables by name. */
  readonly handles: ReadonlyMap<string, string>;
  readonly rows: string;
  /** The number of the step in turn 0. */
  readonly number: string;
  /** The turns that count, where there may be others: the first, and the one after the last. */
  readonly active: false | { readonly first: string; readonly end: string };
  readonly scalars: ReadonlyMap<string, string>;
}

/** Writes one step and gives the nodes that complete it. */
export function emitStep(parts: StepParts, turn: Iteration): string[] {
  const { graph, step, task, xla, handles } = parts;
  const columnCount = task.data.inputs.length + 1;
  const handle = (name: string) => turn.capture(handles.get(name)!, 'resource');
  const pick = (values: string, dtype: DataType) => elementOf(graph, turn, values, dtype);
  const rows = pick(parts.rows, 'int64');
  const scalars = new Map(step.scalarNames.map((name) => [name, pick(parts.scalars.get(name)!, 'float32')]));
  const names = step.variableNames;
  const {
    outputs,
    assignments,
    variableReads,
    nodeNames: nodes,
  } = emitProgram(step.program, {
    graph,
    xla,
    explicitPrecision: parts.explicitPrecision,
    controlInputs: turn.controlInputs,
    input: (index) => {
      if (index < columnCount) return gatherColumn(parts, turn, rows, index);
      if (index > columnCount) return scalars.get(step.scalarNames[index - columnCount - 1]!)!;
      return graph.add('AddV2', [turn.capture(parts.number, 'int32'), turn.index], { T: { type: 'int32' } });
    },
    variable: (index) =>
      graph.add('ReadVariableOp', [handle(names[index]!), ...turn.controlInputs], {
        dtype: { type: 'float32' },
      }),
    constant: turn.constant,
  });
  const [loss, ...gradients] = outputs as [string, ...string[]];
  const inactive = keepInactive(parts, turn);
  const ready = group(graph, [
    ...outputs,
    ...variableReads,
    ...inactive.reads,
    ...assignments.map(({ value }) => value),
  ]);
  if (step.fused && xla === 'cpu') {
    const [first] = step.scalarNames as [string];
    scalars.set(first, afterReaders(parts, turn, scalars.get(first)!, nodes));
  }
  const updates = step.fused ? emitMoves(parts, turn, { gradients, scalars, ready }) : [];
  const assigns = assignments.map(({ variable, value }) =>
    graph.add('AssignVariableOp', [handle(names[variable]!), value, ready], { dtype: { type: 'float32' } }),
  );
  const done = inactive.restore([...updates, ...assigns]);
  return [...done, emitLoss(parts, turn, loss)];
}

/** Keeps the loss as element `turn.index` of the losses. */
function emitLoss({ graph, xla, handles }: StepParts, turn: Iteration, loss: string): string {
  const losses = turn.capture(handles.get('losses')!, 'resource');
  const type = { dtype: { type: 'float32' } } as const;
  if (!xla) {
    return graph.add('ResourceScatterUpdate', [losses, turn.index, loss], {
      ...type,
      Tindices: { type: 'int32' },
    });
  }
  // XLA would make a loop of the scatter.
  const one = turn.constant({ dtype: 'int32', shape: [1] }, Int32Array.of(1));
  const vector = (value: string, dtype: DataType) =>
    graph.add('Reshape', [value, one], { T: { type: dtype }, Tshape: { type: 'int32' } });
  const before = graph.add('ReadVariableOp', [losses, ...turn.controlInputs], type);
  const after = graph.add(
    'XlaDynamicUpdateSlice',
    [before, vector(loss, 'float32'), vector(turn.index, 'int32')],
    { T: { type: 'float32' }, Tindices: { type: 'int32' } },
  );
  return graph.add('AssignVariableOp', [losses, after], type);
}

/** The batch of a column, as the loss sees it: bytes and float32 as float32, whole numbers as int32. */
function gatherColumn(
  { graph, handles, task }: StepParts,
  turn: Iteration,
  rows: string,
  index: number,
): string {
  const { inputs, labels } = task.data;
  const label = index === inputs.length;
  const column = inputs[index] ?? labels;
  const stored = columnType(column);
  const batch = graph.add(
    'ResourceGather',
    [turn.capture(handles.get(`column${index}`)!, 'resource'), rows],
    {
      dtype: { type: stored },
      Tindices: { type: 'int64' },
      batch_dims: { int: 0 },
      validate_indices: { bool: true },
    },
  );
  const wanted: DataType = stored === 'int64' || (label && stored === 'uint8') ? 'int32' : 'float32';
  if (stored === wanted) return outputName(batch, 0);
  return graph.add('Cast', [batch], {
    SrcT: { type: stored },
    DstT: { type: wanted },
    Truncate: { bool: false },
  });
}

/** Element or row number `turn.index` of a tensor outside the loop. */
function elementOf(graph: GraphBuilder, turn: Iteration, values: string, dtype: DataType): string {
  const axis = turn.constant({ dtype: 'int32', shape: [] }, Int32Array.of(0));
  return graph.add('GatherV2', [turn.capture(values, dtype), turn.index, axis], {
    Tparams: { type: dtype },
    Tindices: { type: 'int32' },
    Taxis: { type: 'int32' },
    batch_dims: { int: 0 },
  });
}

interface Inactive {
  /** What variables hold before the turn. */
  readonly reads: readonly string[];
  /** Puts back what the updates of a turn that does not count have changed; gives the nodes that complete the turn. */
  restore(updates: readonly string[]): readonly string[];
}

function keepInactive({ graph, active, step, handles }: StepParts, turn: Iteration): Inactive {
  if (!active) return { reads: [], restore: (updates) => updates };
  const bound = (name: string) => turn.capture(name, 'int32');
  const counts = graph.add('LogicalAnd', [
    graph.add('GreaterEqual', [turn.index, bound(active.first)], { T: { type: 'int32' } }),
    graph.add('Less', [turn.index, bound(active.end)], { T: { type: 'int32' } }),
  ]);
  const targets = [...step.changed, ...step.slots.keys()].map((name) =>
    turn.capture(handles.get(name)!, 'resource'),
  );
  const read = (handle: string, controls: readonly string[]) =>
    graph.add('ReadVariableOp', [handle, ...controls], { dtype: { type: 'float32' } });
  const reads = targets.map((handle) => read(handle, turn.controlInputs));
  return {
    reads,
    restore: (updates) => {
      const updated = group(graph, updates);
      const values = targets.map((handle, index) =>
        graph.add('SelectV2', [counts, read(handle, [updated]), reads[index]!], { T: { type: 'float32' } }),
      );
      return targets.map((handle, index) =>
        graph.add('AssignVariableOp', [handle, values[index]!], { dtype: { type: 'float32' } }),
      );
    },
  };
}

/** Step 2 of 4 of the compiled engines (see engine.ts), loop body: the recorded step as one iteration of a loop. */
import { emitProgram, group, type Iteration } from '../../graph/index.ts';
import { waitForLateReads } from './control-dependencies.ts';
import { IterationBuilder, type LoopContext, type StoredArray } from './iteration-builder.ts';
import { emitUpdates } from './updates.ts';

/**
 * Adds one optimizer step to the body of the training loop: gathers the batch, runs the recorded program, updates
 * weights and slots, and stores the loss. An iteration reads a variable after the update of the previous iteration,
 * and updates it after all its own reads.
 *
 * @returns the nodes that complete the iteration
 */
export function emitIteration(context: LoopContext, iteration: Iteration): string[] {
  const { graph, step, xla } = context;
  const builder = new IterationBuilder(context, iteration);
  const rows = builder.elementOf(context.rows, 'int64');
  const scalars = new Map(
    step.scalarNames.map((name) => [name, builder.elementOf(context.scalars.get(name)!, 'float32')]),
  );

  const program = emitStep(builder, rows, scalars);
  const [loss, ...gradients] = program.outputs as [string, ...string[]];
  const inactive = keepInactive(builder);
  const afterReads = group(graph, [
    ...program.outputs,
    ...program.variableReads,
    ...inactive.reads,
    ...program.assignments.map(({ value }) => value),
  ]);

  if (step.fusedUpdate && xla === 'cpu') {
    const [first] = step.scalarNames as [string];
    scalars.set(first, waitForLateReads(builder, scalars.get(first)!, program.nodeNames));
  }
  const updates = step.fusedUpdate
    ? emitUpdates(builder, step.fusedUpdate, { gradients, scalars, afterReads })
    : [];
  const assignments = program.assignments.map(({ variable, value }) =>
    builder.assign(builder.handle(step.variableNames[variable]!), value, [afterReads]),
  );
  return [...inactive.restore([...updates, ...assignments]), emitLoss(builder, loss)];
}

/** Adds the recorded program, with the batch, the step number and the scalars of this iteration as its inputs. */
function emitStep(builder: IterationBuilder, rows: string, scalars: ReadonlyMap<string, string>) {
  const { context, graph, iteration } = builder;
  const { arrays, step, xla, explicitPrecision } = context;
  const inputs = [
    ...arrays.map((array) => () => gatherBatch(builder, array, rows)),
    () =>
      graph.add('AddV2', [builder.capture(context.firstStep, 'int32'), iteration.index], {
        T: { type: 'int32' },
      }),
    ...step.scalarNames.map((name) => () => scalars.get(name)!),
  ];
  return emitProgram(step.program, {
    graph,
    xla,
    explicitPrecision,
    controlInputs: iteration.controlInputs,
    input: (index) => inputs[index]!(),
    variable: (index) => builder.read(builder.handle(step.variableNames[index]!)),
    constant: iteration.constant,
  });
}

/**
 * Gathers the batch of one data array, [batch, ...featureShape], and casts it to the dtype that the step takes.
 *
 * @param rows [batch] int64
 */
function gatherBatch(builder: IterationBuilder, array: StoredArray, rows: string): string {
  const { handle, storedDtype, dtype } = array;
  const variable = builder.capture(handle, 'resource');
  const batch = builder.context.xla
    ? builder.gatherVariable(variable, rows, storedDtype)
    : // ResourceGather would first copy a variable whose memory is shared with a JavaScript array.
      builder.gather(builder.read(variable, { controlInputs: [], dtype: storedDtype }), rows, {
        values: storedDtype,
        indices: 'int64',
      });
  return storedDtype === dtype ? batch : builder.cast(batch, storedDtype, dtype);
}

/** Stores the loss, a float32 scalar, at the iteration's index. */
function emitLoss(builder: IterationBuilder, loss: string): string {
  const { context, graph, iteration } = builder;
  const losses = builder.capture(context.losses, 'resource');
  if (!context.xla) {
    return graph.add('ResourceScatterUpdate', [losses, iteration.index, loss], {
      dtype: { type: 'float32' },
      Tindices: { type: 'int32' },
    });
  }
  // XLA would compile a scatter into a loop.
  const vector = builder.int32([1]);
  const updated = graph.add(
    'XlaDynamicUpdateSlice',
    [
      builder.read(losses),
      builder.reshape(loss, 'float32', vector),
      builder.reshape(iteration.index, 'int32', vector),
    ],
    { T: { type: 'float32' }, Tindices: { type: 'int32' } },
  );
  return builder.assign(losses, updated);
}

interface InactiveIteration {
  /** Reads of all values before the iteration. */
  readonly reads: readonly string[];
  /** If the iteration is inactive, assigns those values again. Returns the nodes that complete the iteration. */
  restore(updates: readonly string[]): readonly string[];
}

/**
 * Makes iterations outside `context.active` leave weights and slots as they were. There are such iterations if the
 * loop has a fixed length or is unrolled, and a call has fewer steps.
 */
function keepInactive(builder: IterationBuilder): InactiveIteration {
  const { context, graph, iteration } = builder;
  const { active, step } = context;
  if (!active) return { reads: [], restore: (updates) => updates };
  const bound = (name: string) => builder.capture(name, 'int32');
  const isActive = graph.add('LogicalAnd', [
    graph.add('GreaterEqual', [iteration.index, bound(active.first)], { T: { type: 'int32' } }),
    graph.add('Less', [iteration.index, bound(active.end)], { T: { type: 'int32' } }),
  ]);
  const handles = [...step.changedWeights, ...step.slots.keys()].map((name) => builder.handle(name));
  const reads = handles.map((handle) => builder.read(handle));
  return {
    reads,
    restore: (updates) => {
      const afterUpdates = group(graph, updates);
      const values = handles.map((handle, index) =>
        graph.add(
          'SelectV2',
          [isActive, builder.read(handle, { controlInputs: [afterUpdates] }), reads[index]!],
          {
            T: { type: 'float32' },
          },
        ),
      );
      return handles.map((handle, index) => builder.assign(handle, values[index]!));
    },
  };
}

import type { Iteration, XlaTarget } from '../../graph/index.ts';
import type { DataType, GraphBuilder } from '../../tensorflow/index.ts';
import type { BatchArray } from '../data.ts';
import type { RecordedStep } from './record-step.ts';

/** A data array in a session variable. */
export interface StoredArray extends BatchArray {
  readonly handle: string;
  readonly storedDtype: DataType;
}

/** What all iterations of the training loop share. Strings are names of nodes outside the loop. */
export interface LoopContext {
  readonly graph: GraphBuilder;
  readonly step: RecordedStep;
  /** What XLA compiles the loop for; undefined if TensorFlow runs it node by node. */
  readonly xla: XlaTarget | undefined;
  /** Whether matrix products specify their precision; see `withExplicitPrecision`. */
  readonly explicitPrecision: boolean;
  /** The data: inputs, then labels. */
  readonly arrays: readonly StoredArray[];
  /** Handles of the variables for weights and slots, by their names in the training state. */
  readonly handles: ReadonlyMap<string, string>;
  /** Handle of the variable for the loss of each iteration, [capacity] float32. */
  readonly losses: string;
  /** Rows of each iteration, [capacity, batch] int64. */
  readonly rows: string;
  /** Number of the optimizer step in iteration 0, int32 scalar. */
  readonly firstStep: string;
  /** Scalars of the update by name: the value in each iteration, [capacity] float32. */
  readonly scalars: ReadonlyMap<string, string>;
  /** Only iterations from `first` up to `end` (int32 scalars) may change anything; undefined if all may. */
  readonly active: { readonly first: string; readonly end: string } | undefined;
}

/**
 * Adds the nodes of one iteration of the training loop to the graph. Methods return the name of the node that they add.
 *
 * A node runs as soon as its inputs are there, so the order of reads and writes of a variable has to be stated by control
 * inputs, names of nodes that have to run before.
 */
export class IterationBuilder {
  readonly context: LoopContext;
  readonly graph: GraphBuilder;
  readonly iteration: Iteration;

  constructor(context: LoopContext, iteration: Iteration) {
    this.context = context;
    this.graph = context.graph;
    this.iteration = iteration;
  }

  /** Makes a tensor from outside the loop available inside. */
  capture(value: string, dtype: DataType): string {
    return this.iteration.capture(value, dtype);
  }

  /** The handle of the variable for a weight or slot. */
  handle(name: string): string {
    const handle = this.context.handles.get(name);
    if (handle === undefined) throw new Error(`the training graph has no variable '${name}'`);
    return this.capture(handle, 'resource');
  }

  /** Reads a float32 variable; by default its value after the previous iteration. */
  read(handle: string, controlInputs = this.iteration.controlInputs): string {
    return this.graph.add('ReadVariableOp', [handle, ...controlInputs], { dtype: { type: 'float32' } });
  }

  /** Assigns a float32 variable. */
  assign(handle: string, value: string, controlInputs: readonly string[] = []): string {
    return this.graph.add('AssignVariableOp', [handle, value, ...controlInputs], {
      dtype: { type: 'float32' },
    });
  }

  /** A float32 scalar. */
  float32(value: number): string {
    return this.iteration.constant({ dtype: 'float32', shape: [] }, Float32Array.of(value));
  }

  /** An int32 vector. */
  int32(values: readonly number[]): string {
    return this.iteration.constant({ dtype: 'int32', shape: [values.length] }, Int32Array.from(values));
  }

  /** The element, or row, of a tensor outside the loop whose index is the number of this iteration. */
  elementOf(values: string, dtype: DataType): string {
    const axis = this.iteration.constant({ dtype: 'int32', shape: [] }, Int32Array.of(0));
    return this.graph.add('GatherV2', [this.capture(values, dtype), this.iteration.index, axis], {
      Tparams: { type: dtype },
      Tindices: { type: 'int32' },
      Taxis: { type: 'int32' },
      batch_dims: { int: 0 },
    });
  }

  /** Reshapes a tensor to an int32 vector `shape`. */
  reshape(value: string, dtype: DataType, shape: string): string {
    return this.graph.add('Reshape', [value, shape], { T: { type: dtype }, Tshape: { type: 'int32' } });
  }

  cast(value: string, from: DataType, to: DataType): string {
    return this.graph.add('Cast', [value], {
      SrcT: { type: from },
      DstT: { type: to },
      Truncate: { bool: false },
    });
  }
}

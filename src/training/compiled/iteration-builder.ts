/** Part of step 2 of the compiled engines (see engine.ts): the nodes that an iteration consists of. */
import type { Iteration, XlaTarget } from '../../graph/index.ts';
import type { DataType, GraphBuilder } from '../../tensorflow/index.ts';
import type { BatchArray } from '../data.ts';
import type { RecordedStep } from './record-step.ts';

/** A data array that is stored in a variable, [rows, ...featureShape]. */
export interface StoredArray extends BatchArray {
  readonly handle: string;
  /** The dtype of the variable; `dtype` is that of a batch in the step. */
  readonly storedDtype: DataType;
}

/**
 * What all iterations of the training loop share. Strings are names of nodes outside the loop. [capacity] is the
 * number of iterations that a call can run.
 */
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
  /** The rows of the batch in each iteration, [capacity, batch] int64. */
  readonly rows: string;
  /** Number of the optimizer step in iteration 0, [] int32. */
  readonly firstStep: string;
  /** The scalars of the update in each iteration, by name, [capacity] float32 each. */
  readonly scalars: ReadonlyMap<string, string>;
  /** Only iterations in [first, end), [] int32 each, may change anything; undefined if all may. */
  readonly active: { readonly first: string; readonly end: string } | undefined;
}

/**
 * Adds nodes to one iteration of the training loop. Each method returns the name of the node that it adds.
 *
 * TensorFlow runs a node as soon as its inputs are available. `controlInputs` are nodes that must run before it
 * although it takes no value from them, such as the reads of a variable before its assignment.
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

  /** Reads a variable; by default a float32 variable after the previous iteration. */
  read(
    handle: string,
    {
      controlInputs = this.iteration.controlInputs,
      dtype = 'float32',
    }: { readonly controlInputs?: readonly string[]; readonly dtype?: DataType } = {},
  ): string {
    return this.graph.add('ReadVariableOp', [handle, ...controlInputs], { dtype: { type: dtype } });
  }

  /** Assigns a float32 variable. */
  assign(handle: string, value: string, controlInputs: readonly string[] = []): string {
    return this.graph.add('AssignVariableOp', [handle, value, ...controlInputs], {
      dtype: { type: 'float32' },
    });
  }

  /** A constant, [] float32. */
  float32(value: number): string {
    return this.iteration.constant({ dtype: 'float32', shape: [] }, Float32Array.of(value));
  }

  /** A constant, [values.length] int32. */
  int32(values: readonly number[]): string {
    return this.iteration.constant({ dtype: 'int32', shape: [values.length] }, Int32Array.from(values));
  }

  /** Element i of a tensor outside the loop, along its first dimension, where i is the number of this iteration. */
  elementOf(values: string, dtype: DataType): string {
    return this.gather(this.capture(values, dtype), this.iteration.index, {
      values: dtype,
      indices: 'int32',
    });
  }

  /** Elements of a tensor along its first dimension. */
  gather(
    values: string,
    indices: string,
    dtypes: { readonly values: DataType; readonly indices: 'int32' | 'int64' },
  ): string {
    const axis = this.iteration.constant({ dtype: 'int32', shape: [] }, Int32Array.of(0));
    return this.graph.add('GatherV2', [values, indices, axis], {
      Tparams: { type: dtypes.values },
      Tindices: { type: dtypes.indices },
      Taxis: { type: 'int32' },
      batch_dims: { int: 0 },
    });
  }

  /**
   * Elements of a variable along its first dimension. XLA compiles this to faster code than reading the variable first.
   *
   * @param indices int64
   */
  gatherVariable(handle: string, indices: string, dtype: DataType): string {
    return this.graph.add('ResourceGather', [handle, indices], {
      dtype: { type: dtype },
      Tindices: { type: 'int64' },
      batch_dims: { int: 0 },
      validate_indices: { bool: true },
    });
  }

  /** @param shape the new shape, a node [rank] int32 */
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

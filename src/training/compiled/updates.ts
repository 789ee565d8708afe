/** Part of step 2 of the compiled engines (see engine.ts): the nodes that update weights and slots. */
import { slotName } from '../training-state.ts';
import {
  type FusedUpdate,
  GRADIENT,
  type GraphMath,
  type UpdateArithmetic,
  type UpdateOp,
} from './fused-update.ts';
import type { IterationBuilder } from './iteration-builder.ts';

/** What a loop iteration computes before it updates the weights. Strings are names of nodes. */
export interface StepOutputs {
  /** The gradients of `step.updatedWeights`, each in the shape of its weight. */
  readonly gradients: readonly string[];
  /** The numbers that change from step to step, such as the learning rate, by name; [] float32 each. */
  readonly scalars: ReadonlyMap<string, string>;
  /** A node that runs after everything that reads the old weights. */
  readonly afterReads: string;
}

/** One weight with its slots (the optimizer's state, such as Adam's moments) and gradient. Strings are names of nodes. */
interface UpdatedWeight {
  /** The resource handles of the weight, then of its slots in the order of `step.slotNames`. */
  readonly handles: readonly string[];
  readonly gradient: string;
}

/**
 * Adds the update of all weights and slots, each as one TensorFlow op or as arithmetic, whichever is faster on the target;
 * see `FusedUpdate`. Returns the nodes that complete the update.
 */
export function emitUpdates(builder: IterationBuilder, update: FusedUpdate, outputs: StepOutputs): string[] {
  const { step, xla } = builder.context;
  const { op, arithmetic } = update;
  const useArithmetic = arithmetic && (xla === 'cpu' || !op);
  return step.updatedWeights.flatMap((name, index) => {
    const names = [name, ...step.slotNames.map((slot) => slotName(slot, name))];
    const handles = names.map((variable) => builder.handle(variable));
    const weight: UpdatedWeight = { handles, gradient: outputs.gradients[index]! };
    return useArithmetic
      ? emitArithmetic(builder, arithmetic, weight, outputs)
      : [emitOp(builder, op!, weight, outputs)];
  });
}

function emitOp(
  builder: IterationBuilder,
  { name, operands, attributes }: UpdateOp,
  { handles, gradient }: UpdatedWeight,
  { scalars, afterReads }: StepOutputs,
): string {
  const nodes = operands.map((operand) => {
    if (typeof operand === 'number') return builder.float32(operand);
    return operand === GRADIENT ? gradient : scalars.get(operand)!;
  });
  return builder.graph.add(name, [...handles, ...nodes, afterReads], attributes);
}

function emitArithmetic(
  builder: IterationBuilder,
  arithmetic: UpdateArithmetic,
  { handles, gradient }: UpdatedWeight,
  { scalars, afterReads }: StepOutputs,
): string[] {
  const [weight, ...slots] = handles.map((handle) => builder.read(handle)) as [string, ...string[]];
  const nextValues = arithmetic(graphMath(builder), {
    weight,
    slots,
    gradient,
    scalar: (name) => scalars.get(name)!,
    recomputeMoments: builder.context.xla === 'cpu', // see `adamArithmetic`
  });
  return handles.map((handle, index) => builder.assign(handle, nextValues[index]!, [afterReads]));
}

function graphMath(builder: IterationBuilder): GraphMath {
  const addOp = (op: string, ...operands: (string | number)[]) =>
    builder.graph.add(
      op,
      operands.map((operand) => (typeof operand === 'number' ? builder.float32(operand) : operand)),
      { T: { type: 'float32' } },
    );
  return {
    add: (a, b) => addOp('AddV2', a, b),
    sub: (a, b) => addOp('Sub', a, b),
    mul: (a, b) => addOp('Mul', a, b),
    div: (a, b) => addOp('RealDiv', a, b),
    sqrt: (a) => addOp('Sqrt', a),
  };
}

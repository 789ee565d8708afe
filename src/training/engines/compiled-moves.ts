import type { Iteration } from '../../graph/index.ts';
import type { StepParts } from './compiled-turn.ts';
import { GRADIENT, type NativeUpdate } from './compiled-updates.ts';

/** Float32 arithmetic in a graph, on nodes and numbers. */
export type Math32 = Readonly<
  Record<'add' | 'sub' | 'mul' | 'div', (a: string, b: string | number) => string> & {
    sqrt(a: string): string;
  }
>;

/** What a step has worked out before its weights move. */
export interface Worked {
  /** In the order of `step.moved`. */
  readonly gradients: readonly string[];
  readonly scalars: ReadonlyMap<string, string>;
  /** Comes after everything that reads the old weights. */
  readonly ready: string;
}

const float32 = { dtype: { type: 'float32' } } as const;

/** Writes how a fused update moves the weights, and gives the nodes that complete it. */
export function emitMoves(parts: StepParts, turn: Iteration, worked: Worked): string[] {
  const { step, handles, xla } = parts;
  const { native } = step.fused!;
  return step.moved.flatMap((name, index) => {
    const targets = [name, ...step.slotNames.map((slot) => `${slot}/${name}`)].map((one) =>
      turn.capture(handles.get(one)!, 'resource'),
    );
    const gradient = worked.gradients[index]!;
    if (native && !(xla === 'cpu' && step.fused!.arithmetic)) {
      return [emitNative(parts, turn, worked, targets, gradient, native)];
    }
    return emitArithmetic(parts, turn, worked, targets, gradient);
  });
}

function emitNative(
  { graph }: StepParts,
  turn: Iteration,
  { scalars, ready }: Worked,
  targets: readonly string[],
  gradient: string,
  { op, inputs, attributes }: NativeUpdate,
): string {
  const operands = inputs.map((input) => {
    if (typeof input === 'number') return constant(turn, input);
    return input === GRADIENT ? gradient : scalars.get(input)!;
  });
  return graph.add(op, [...targets, ...operands, ready], attributes);
}

function emitArithmetic(
  { graph, step, xla }: StepParts,
  turn: Iteration,
  { scalars, ready }: Worked,
  targets: readonly string[],
  gradient: string,
): string[] {
  const node = (op: string, ...operands: (string | number)[]) =>
    graph.add(
      op,
      operands.map((one) => (typeof one === 'number' ? constant(turn, one) : one)),
      { T: { type: 'float32' } },
    );
  const math: Math32 = {
    add: (a, b) => node('AddV2', a, b),
    sub: (a, b) => node('Sub', a, b),
    mul: (a, b) => node('Mul', a, b),
    div: (a, b) => node('RealDiv', a, b),
    sqrt: (a) => node('Sqrt', a),
  };
  const [weight, ...slots] = targets.map((target) =>
    graph.add('ReadVariableOp', [target, ...turn.controlInputs], float32),
  ) as [string, ...string[]];
  const old = { weight, slots, gradient };
  const next = step.fused!.arithmetic!(old, math, (name) => scalars.get(name)!, xla === 'cpu');
  return targets.map((target, index) =>
    graph.add('AssignVariableOp', [target, next[index]!, ready], float32),
  );
}

const constant = (turn: Iteration, value: number) =>
  turn.constant({ dtype: 'float32', shape: [] }, Float32Array.of(value));

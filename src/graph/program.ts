/**
 * A program is a recorded function as plain data. `record` makes it, `simplify` rewrites it, `emitProgram`
 * writes it into a TensorFlow graph. In between it can be printed (`programTable`), counted (`countOps`) and
 * compared without TensorFlow.
 */
import type { Attributes, TensorSpec, TensorValues, VariableSpec } from '../tensorflow/index.ts';
import { requireProgram } from './arguments.ts';

/** A function of tensors and variables as a list of nodes. Each node comes after the nodes that it uses. */
export interface Program {
  readonly nodes: readonly ProgramNode[];
  /** The tensors that the function takes. */
  readonly inputs: readonly TensorSpec[];
  /** The variables that the function reads or assigns. */
  readonly variables: readonly VariableSpec[];
  /** The tensors that the function returns. */
  readonly outputs: readonly ValueRef[];
  /** The final values of the variables that the function assigns. */
  readonly assignments: readonly { readonly variable: number; readonly value: ValueRef }[];
}

/** A value in a program: output number `output` of node number `node`. */
export interface ValueRef {
  readonly node: number;
  readonly output: number;
}

export type ProgramNode = InputNode | VariableNode | ConstantNode | OpNode;

interface NodeBase {
  readonly outputs: readonly TensorSpec[];
  /** Name of the tfjs layer that was being applied; undefined outside layers and in gradients. */
  readonly layer?: string;
}

export interface InputNode extends NodeBase {
  readonly kind: 'input';
  /** Position in `Program.inputs`. */
  readonly index: number;
}

/** A variable's value before the program runs. Assignments take effect after the program only. */
export interface VariableNode extends NodeBase {
  readonly kind: 'variable';
  /** Position in `Program.variables`. */
  readonly index: number;
}

export interface ConstantNode extends NodeBase {
  readonly kind: 'constant';
  readonly values: TensorValues;
}

export interface OpNode extends NodeBase {
  readonly kind: 'op';
  /** TensorFlow's name of the op, such as `MatMul`. */
  readonly op: string;
  readonly attributes: Attributes;
  readonly inputs: readonly ValueRef[];
}

/**
 * For each node, whether one of `targets` depends on it.
 *
 * @param targets by default the program's outputs and assigned values: then the other nodes are dead code
 * @throws UsageError if `program` is not a program
 */
export function liveNodes(program: Program, targets?: readonly ValueRef[]): boolean[] {
  requireProgram(program);
  const live = new Array<boolean>(program.nodes.length).fill(false);
  for (const { node } of targets ?? results(program)) live[node] = true;
  for (let index = program.nodes.length - 1; index >= 0; index--) {
    const node = program.nodes[index]!;
    if (live[index] && node.kind === 'op') for (const input of node.inputs) live[input.node] = true;
  }
  return live;
}

/**
 * How many times each op runs when the program runs once, by name. Dead code is not counted.
 *
 * @throws UsageError if `program` is not a program
 */
export function countOps(program: Program): Map<string, number> {
  const live = liveNodes(program);
  const counts = new Map<string, number>();
  program.nodes.forEach((node, index) => {
    if (live[index] && node.kind === 'op') counts.set(node.op, (counts.get(node.op) ?? 0) + 1);
  });
  return counts;
}

function results(program: Program): ValueRef[] {
  return [...program.outputs, ...program.assignments.map(({ value }) => value)];
}

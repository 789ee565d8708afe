import type { Attributes, TensorSpec, TensorValues, VariableSpec } from '../tensorflow/index.ts';

/** Output number `output` of node number `node`. */
export interface ValueRef {
  readonly node: number;
  readonly output: number;
}

interface NodeBase {
  readonly outputs: readonly TensorSpec[];
  /** The layer that was running when the node was recorded; gradients have none. */
  readonly layer?: string;
}

export interface InputNode extends NodeBase {
  readonly kind: 'input';
  /** Position in `Program.inputs`. */
  readonly index: number;
}

/** The value of a variable as the program finds it, before its own assignments. */
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
  readonly op: string;
  readonly attributes: Attributes;
  readonly inputs: readonly ValueRef[];
}

export type ProgramNode = InputNode | VariableNode | ConstantNode | OpNode;

/** A function of tensors and variables as plain data. Nodes come after what they use. */
export interface Program {
  readonly nodes: readonly ProgramNode[];
  readonly inputs: readonly TensorSpec[];
  readonly variables: readonly VariableSpec[];
  readonly outputs: readonly ValueRef[];
  /** What the function leaves in its variables, all at once at its end. */
  readonly assignments: readonly { readonly variable: number; readonly value: ValueRef }[];
}

/** Whether each node takes part in `targets`; by default in anything the program gives or assigns. */
export function liveNodes(program: Program, targets: readonly ValueRef[] = results(program)): boolean[] {
  const live = new Array<boolean>(program.nodes.length).fill(false);
  for (const { node } of targets) live[node] = true;
  for (let index = program.nodes.length - 1; index >= 0; index--) {
    const node = program.nodes[index]!;
    if (live[index] && node.kind === 'op') for (const input of node.inputs) live[input.node] = true;
  }
  return live;
}

/** How often each op runs in one go of the program. */
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

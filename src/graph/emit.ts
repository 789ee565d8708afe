import { after, type GraphBuilder, type NodeAttribute, output } from './graph-builder.ts';
import { type ConstantNode, liveNodes, type OpNode, type Program, type ValueRef } from './program.ts';

/** Where a program is written: what stands for its inputs, variables and constants there. */
export interface EmitScope {
  readonly graph: GraphBuilder;
  input(index: number): string;
  /** Reads a variable; called once for each variable. */
  variable(index: number): string;
  constant(node: ConstantNode): string;
  /** Control edges for ops that take no input, such as the loop's index inside a loop. */
  readonly controls: readonly string[];
}

export interface Emitted {
  readonly outputs: readonly string[];
  readonly assignments: readonly { readonly variable: number; readonly value: string }[];
  /** The nodes that read variables; whatever changes one comes after them. */
  readonly reads: readonly string[];
}

/** Writes a program into a graph, once; unused nodes are left out. */
export function emitProgram(program: Program, scope: EmitScope): Emitted {
  const names = new Map<number, string>();
  const reads: string[] = [];
  const live = liveNodes(program);
  const nameOf = (ref: ValueRef) => output(names.get(ref.node)!, ref.output);
  program.nodes.forEach((node, index) => {
    if (!live[index]) return;
    if (node.kind === 'input') names.set(index, scope.input(node.index));
    else if (node.kind === 'constant') names.set(index, scope.constant(node));
    else if (node.kind === 'variable') {
      const read = scope.variable(node.index);
      reads.push(read);
      names.set(index, read);
    } else names.set(index, emitOp(node, node.inputs.map(nameOf), scope));
  });
  return {
    outputs: program.outputs.map(nameOf),
    assignments: program.assignments.map(({ variable, value }) => ({ variable, value: nameOf(value) })),
    reads,
  };
}

function emitOp(node: OpNode, inputs: readonly string[], { graph, controls }: EmitScope): string {
  const { op, attributes } = graphForm(node);
  const edges = inputs.length === 0 ? controls : inputs;
  return graph.add(op, edges, attributes, node.layer ? `${node.layer}/${op}` : op);
}

interface GraphForm {
  readonly op: string;
  readonly attributes: Readonly<Record<string, NodeAttribute>>;
}

/** An op as a graph wants it, where that differs from how tfjs-node calls it. */
function graphForm({ op, attributes, outputs }: OpNode): GraphForm {
  // tfjs multiplies matrices as batches of one; MatMul does the same without the batch, and faster.
  if (op === 'BatchMatMulV2' && outputs[0]!.shape.length === 2) {
    const { T, adj_x, adj_y } = attributes;
    return { op: 'MatMul', attributes: { T: T!, transpose_a: adj_x!, transpose_b: adj_y! } };
  }
  // Called eagerly, TensorFlow finds the type by itself.
  if (op === 'ExpandDims') return { op, attributes: { T: { type: outputs[0]!.dtype }, ...attributes } };
  return { op, attributes };
}

/** A node that stands for "all of these are done". */
export function gate(graph: GraphBuilder, nodes: readonly string[]): string {
  return after(graph.add('NoOp', [...new Set(nodes.map(after))], {}, 'gate'));
}

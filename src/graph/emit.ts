import { type Attributes, controlInput, type GraphBuilder, outputName } from '../tensorflow/index.ts';
import { type ConstantNode, liveNodes, type OpNode, type Program, type ValueRef } from './program.ts';
import { lowerForXla } from './xla/lowerings.ts';
import type { XlaTarget } from './xla/ops.ts';

/** Where a program is written: what stands for its inputs, variables and constants there. */
export interface EmitScope {
  readonly graph: GraphBuilder;
  input(index: number): string;
  /** Reads a variable; called once for each variable. */
  variable(index: number): string;
  constant(node: ConstantNode): string;
  /** What XLA compiles it for, if it does: some ops have a form that it makes more of. */
  readonly xla?: XlaTarget;
  /** Whether large products say how precise they have to be; then the graph is to be run by `withStatedPrecision`. */
  readonly explicitPrecision?: boolean;
  /** Control edges for ops that take no input, such as the loop's index inside a loop. */
  readonly controlInputs: readonly string[];
}

export interface Emitted {
  readonly outputs: readonly string[];
  readonly assignments: readonly { readonly variable: number; readonly value: string }[];
  /** The nodes that read variables; whatever changes one comes after them. */
  readonly variableReads: readonly string[];
  /** The graph's nodes for those of the program, by position; unused ones have none. */
  readonly nodeNames: ReadonlyMap<number, string>;
}

/** Writes a program into a graph, once; unused nodes are left out. */
export function emitProgram(program: Program, scope: EmitScope): Emitted {
  const names = new Map<number, string>();
  const variableReads: string[] = [];
  const live = liveNodes(program);
  const nameOf = (ref: ValueRef) => outputName(names.get(ref.node)!, ref.output);
  program.nodes.forEach((node, index) => {
    if (!live[index]) return;
    if (node.kind === 'input') names.set(index, scope.input(node.index));
    else if (node.kind === 'constant') names.set(index, scope.constant(node));
    else if (node.kind === 'variable') {
      const read = scope.variable(node.index);
      variableReads.push(read);
      names.set(index, read);
    } else {
      const inputs = node.inputs.map(nameOf);
      const own = scope.xla ? lowerForXla(node, program, inputs, { ...scope, target: scope.xla }) : undefined;
      names.set(index, own ?? emitOp(node, inputs, scope));
    }
  });
  return {
    outputs: program.outputs.map(nameOf),
    assignments: program.assignments.map(({ variable, value }) => ({ variable, value: nameOf(value) })),
    variableReads,
    nodeNames: names,
  };
}

function emitOp(node: OpNode, inputs: readonly string[], { graph, controlInputs }: EmitScope): string {
  const { op, layer } = node;
  const edges = inputs.length === 0 ? controlInputs : inputs;
  return graph.add(op, edges, graphAttributes(node), layer ? `${layer}/${op}` : op);
}

/** Called eagerly, TensorFlow finds some types by itself, and tfjs-node leaves them out. */
function graphAttributes({ op, attributes, outputs }: OpNode): Attributes {
  if (op === 'ExpandDims') return { T: { type: outputs[0]!.dtype }, ...attributes };
  return attributes;
}

/** A node that stands for "all of these are done". */
export function group(graph: GraphBuilder, nodes: readonly string[]): string {
  return controlInput(graph.add('NoOp', [...new Set(nodes.map(controlInput))], {}, 'gate'));
}

/**
 * Step 3 of 4, emit: writes a program into a TensorFlow graph, one graph node for each op. Where XLA will
 * compile the graph, some ops are replaced by others that it compiles to faster code (see xla/lowerings.ts).
 */
import {
  type Attributes,
  controlInput,
  type GraphBuilder,
  outputName,
  type TensorSpec,
} from '../tensorflow/index.ts';
import { liveNodes, type OpNode, type Program, type ValueRef } from './program.ts';
import { type LoweringScope, lowerForXla } from './xla/lowerings.ts';

/** Where a program is written: a graph, and how its inputs, variables and constants are represented there. */
export interface EmitScope extends LoweringScope {
  /** Adds nodes for an input and returns the value's name. Called once for each input in use. */
  input(index: number): string;
  /** Adds a node that reads a variable and returns its name. Called once for each variable in use. */
  variable(index: number): string;
  /** Control inputs of ops without inputs. In a loop they make such an op run in each iteration. */
  readonly controlInputs: readonly string[];
}

/** The graph's nodes for a program. */
export interface Emitted {
  /** Names of the program's outputs. */
  readonly outputs: readonly string[];
  readonly assignments: readonly { readonly variable: number; readonly value: string }[];
  /** The nodes that read variables. Whatever assigns to these variables has to run after them. */
  readonly variableReads: readonly string[];
  /** For the index of each live node of the program, the graph's node. */
  readonly nodeNames: ReadonlyMap<number, string>;
}

/** Adds the nodes of a program to a graph. Dead code is left out. Assignments are left to the caller. */
export function emitProgram(program: Program, scope: EmitScope): Emitted {
  const nodeNames = new Map<number, string>();
  const variableReads: string[] = [];
  const live = liveNodes(program);
  const valueName = (ref: ValueRef) => outputName(nodeNames.get(ref.node)!, ref.output);
  program.nodes.forEach((node, index) => {
    if (!live[index]) return;
    switch (node.kind) {
      case 'input':
        nodeNames.set(index, scope.input(node.index));
        break;
      case 'variable': {
        const read = scope.variable(node.index);
        variableReads.push(read);
        nodeNames.set(index, read);
        break;
      }
      case 'constant':
        nodeNames.set(index, scope.constant(node.outputs[0]!, node.values));
        break;
      case 'op': {
        const inputs = node.inputs.map(valueName);
        const lowered = lowerForXla(node, inputs, inputSpecs(program, node), scope);
        nodeNames.set(index, lowered ?? emitOp(node, inputs, scope));
      }
    }
  });
  return {
    outputs: program.outputs.map(valueName),
    assignments: program.assignments.map(({ variable, value }) => ({ variable, value: valueName(value) })),
    variableReads,
    nodeNames,
  };
}

function inputSpecs(program: Program, node: OpNode): TensorSpec[] {
  return node.inputs.map((ref) => program.nodes[ref.node]!.outputs[ref.output]!);
}

function emitOp(node: OpNode, inputs: readonly string[], { graph, controlInputs }: EmitScope): string {
  const { op, layer } = node;
  const edges = inputs.length === 0 ? controlInputs : inputs;
  return graph.add(op, edges, graphAttributes(node), layer ? `${layer}/${op}` : op);
}

/** Attributes of an op in a graph. tfjs-node leaves out some types, which TensorFlow infers for eager ops only. */
function graphAttributes({ op, attributes, outputs }: OpNode): Attributes {
  if (op === 'ExpandDims') return { T: { type: outputs[0]!.dtype }, ...attributes };
  return attributes;
}

/** Adds a node that runs after all of `nodes`, like `tf.group` in Python. Returns it as a control input. */
export function group(graph: GraphBuilder, nodes: readonly string[]): string {
  return controlInput(graph.add('NoOp', [...new Set(nodes.map(controlInput))], {}, 'group'));
}

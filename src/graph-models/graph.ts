/**
 * The parts of tfjs' graph executor that are used here. Its types are not exported. `weightMap` is read at each
 * execution, so that weights can be exchanged for a call.
 */
import type * as tf from '@tensorflow/tfjs';

/** A node of the graph that tfjs executes. */
export interface GraphNode {
  readonly name: string;
  readonly op: string;
  /** Names of the inputs, such as `split:1`; control inputs last. */
  readonly inputNames: readonly string[];
  readonly inputs: readonly GraphNode[];
  readonly children: readonly GraphNode[];
  readonly attrParams: Readonly<Record<string, { readonly value?: unknown }>>;
}

/** tfjs' executor of a GraphModel. */
export interface GraphExecutor {
  readonly graph: {
    readonly nodes: Readonly<Record<string, GraphNode>>;
    readonly outputs: readonly GraphNode[];
  };
  /** The tensors of constants by the names of their nodes. */
  weightMap: Record<string, tf.Tensor[]>;
  /** What `weightMap` returns. */
  _weightMap: Record<string, tf.Tensor[]>;
}

/** Private members of a GraphModel. */
export interface GraphModelInternals {
  readonly executor: GraphExecutor;
  /** Fills lookup tables before the first execution. */
  readonly initializer?: GraphExecutor;
  readonly artifacts: tf.io.ModelArtifacts;
  readonly resourceIdToCapturedInput?: unknown;
  executeInitializerGraphAsync(): Promise<tf.Tensor[]>;
  setResourceIdToCapturedInput(tensors: tf.Tensor[]): void;
  loadWithWeightMap(artifacts: tf.io.ModelArtifacts, weights: tf.NamedTensorMap): boolean;
}

/** Returns the private members of a GraphModel. */
export function internalsOf(model: tf.GraphModel): GraphModelInternals {
  return model as unknown as GraphModelInternals;
}

/** Lists the nodes that some nodes depend on, and these, so that each follows its inputs, as far as loops of control flow allow. */
export function nodesInOrder(outputs: Iterable<GraphNode>): GraphNode[] {
  const ordered: GraphNode[] = [];
  const seen = new Set<GraphNode>();
  for (const first of outputs) {
    // Without recursion, because graphs can be deeper than the stack.
    const stack: { node: GraphNode; next: number }[] = [];
    const enter = (node: GraphNode) => {
      if (seen.has(node)) return;
      seen.add(node);
      stack.push({ node, next: 0 });
    };
    enter(first);
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const input = top.node.inputs[top.next++];
      if (input) enter(input);
      else ordered.push(stack.pop()!.node);
    }
  }
  return ordered;
}

/** Returns the nodes and all nodes that depend on them, nearest first. */
export function nodesBehind(nodes: Iterable<GraphNode>): Set<GraphNode> {
  const behind = new Set(nodes);
  for (const node of behind) for (const child of node.children) behind.add(child);
  return behind;
}

/** Returns the constant that an input of a node is, possibly through Identity nodes; undefined if it is computed. */
export function constantBehind(node: GraphNode | undefined): GraphNode | undefined {
  let current = node;
  while (current?.op === 'Identity') current = current.inputs[0];
  return current?.op === 'Const' ? current : undefined;
}

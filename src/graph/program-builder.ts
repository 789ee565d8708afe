import type { Attributes, TensorSpec } from '../tensorflow/index.ts';
import type { ConstantNode, OpNode, ProgramNode, ValueRef } from './program.ts';

/** Larger constants are not compared with each other: that would take longer than it saves. */
const MAX_COMPARED_VALUES = 64;

/**
 * Collects the nodes of a new program. A node that equals an earlier one is not added again, so common
 * subexpressions are computed once. `simplify` uses it to rewrite a program.
 */
export class ProgramBuilder {
  readonly nodes: ProgramNode[] = [];
  readonly #indices = new Map<string, number>();

  /** Adds a node, or finds an equal one, and returns its index. */
  add(node: ProgramNode): number {
    const key = keyOf(node);
    const existing = key === undefined ? undefined : this.#indices.get(key);
    if (existing !== undefined) return existing;
    const index = this.nodes.push(node) - 1;
    if (key !== undefined) this.#indices.set(key, index);
    return index;
  }

  /**
   * Adds an op with one output.
   *
   * @param original the op that this one replaces, in part or whole; its layer is kept
   */
  addOp(
    original: OpNode,
    op: string,
    attributes: Attributes,
    inputs: readonly ValueRef[],
    output: TensorSpec,
  ): ValueRef {
    const layer = original.layer === undefined ? {} : { layer: original.layer };
    const node = this.add({ kind: 'op', op, attributes, inputs, outputs: [output], ...layer });
    return { node, output: 0 };
  }

  /** A vector of int32 constants. */
  addInt32(values: readonly number[]): ValueRef {
    const outputs: TensorSpec[] = [{ dtype: 'int32', shape: [values.length] }];
    return { node: this.add({ kind: 'constant', values: Int32Array.from(values), outputs }), output: 0 };
  }

  /** `value` in another shape of the same size. Earlier reshapes of `value` are skipped. */
  reshape(original: OpNode, value: ValueRef, shape: readonly number[]): ValueRef {
    const source = this.#beforeReshapes(value);
    const { dtype, shape: sourceShape } = this.specOf(source);
    if (sameShape(sourceShape, shape)) return source;
    const attributes: Attributes = { T: { type: dtype }, Tshape: { type: 'int32' } };
    return this.addOp(original, 'Reshape', attributes, [source, this.addInt32(shape)], { dtype, shape });
  }

  specOf({ node, output }: ValueRef): TensorSpec {
    return this.nodes[node]!.outputs[output]!;
  }

  /** The node that computes `value`, if it is an op of this name and `value` is its first output. */
  producer(value: ValueRef, op: string): OpNode | undefined {
    const node = this.nodes[value.node]!;
    return node.kind === 'op' && value.output === 0 && node.op === op ? node : undefined;
  }

  /** The node of `value`, if it is a constant. */
  constant(value: ValueRef): ConstantNode | undefined {
    const node = this.nodes[value.node]!;
    return node.kind === 'constant' ? node : undefined;
  }

  #beforeReshapes(value: ValueRef): ValueRef {
    const reshape = this.producer(value, 'Reshape');
    return reshape ? this.#beforeReshapes(reshape.inputs[0]!) : value;
  }
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

/** Equal for nodes that compute the same. Undefined for constants that are too large to compare. */
function keyOf(node: ProgramNode): string | undefined {
  if (node.kind === 'constant') {
    if (node.values.length > MAX_COMPARED_VALUES) return undefined;
    // JSON writes -0 as 0, and NaN and infinities as null.
    const values = Array.from(node.values, (value) => (Object.is(value, -0) ? '-0' : String(value)));
    return JSON.stringify([node.outputs, values]);
  }
  if (node.kind === 'op') return JSON.stringify([node.op, node.attributes, node.inputs]);
  return JSON.stringify([node.kind, node.index]);
}

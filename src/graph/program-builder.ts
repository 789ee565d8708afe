import type { Attributes, TensorSpec } from '../tensorflow/index.ts';
import type { ConstantNode, OpNode, ProgramNode, ValueRef } from './program.ts';

/** The nodes of a program being rewritten. Equal nodes are made once. */
export class ProgramBuilder {
  readonly nodes: ProgramNode[] = [];
  readonly #known = new Map<string, number>();

  add(node: ProgramNode): number {
    const key = keyOf(node);
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known !== undefined) return known;
    const index = this.nodes.push(node) - 1;
    if (key !== undefined) this.#known.set(key, index);
    return index;
  }

  op(
    like: OpNode,
    op: string,
    attributes: Attributes,
    inputs: readonly ValueRef[],
    output: TensorSpec,
  ): ValueRef {
    const node = this.add({ kind: 'op', op, attributes, inputs, outputs: [output], ...layerOf(like) });
    return { node, output: 0 };
  }

  /** `value` in another shape of the same size; what was only reshaped before is taken as it was. */
  reshape(like: OpNode, value: ValueRef, shape: readonly number[]): ValueRef {
    const source = this.#unshaped(value);
    const { dtype, shape: now } = this.specOf(source);
    if (sameShape(now, shape)) return source;
    const target = this.add({
      kind: 'constant',
      values: Int32Array.from(shape),
      outputs: [{ dtype: 'int32', shape: [shape.length] }],
    });
    const attributes: Attributes = { T: { type: dtype }, Tshape: { type: 'int32' } };
    return this.op(like, 'Reshape', attributes, [source, { node: target, output: 0 }], { dtype, shape });
  }

  specOf({ node, output }: ValueRef): TensorSpec {
    return this.nodes[node]!.outputs[output]!;
  }

  /** The op that makes a value, if it has one of these names. */
  producer(value: ValueRef, ...names: string[]): OpNode | undefined {
    const node = this.nodes[value.node]!;
    return node.kind === 'op' && value.output === 0 && names.includes(node.op) ? node : undefined;
  }

  constant(value: ValueRef): ConstantNode | undefined {
    const node = this.nodes[value.node]!;
    return node.kind === 'constant' ? node : undefined;
  }

  #unshaped(value: ValueRef): ValueRef {
    const reshape = this.producer(value, 'Reshape');
    return reshape ? this.#unshaped(reshape.inputs[0]!) : value;
  }
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((size, axis) => size === b[axis]);
}

const layerOf = ({ layer }: OpNode) => (layer === undefined ? {} : { layer });

/** Undefined for large constants, which are not worth comparing. */
function keyOf(node: ProgramNode): string | undefined {
  if (node.kind === 'constant') {
    if (node.values.length > 64) return undefined;
    return JSON.stringify([
      node.outputs,
      Array.from(node.values, (value) => (Object.is(value, -0) ? '-0' : value)),
    ]);
  }
  if (node.kind === 'op') return JSON.stringify([node.op, node.attributes, node.inputs]);
  return JSON.stringify([node.kind, node.index]);
}

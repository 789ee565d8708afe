import { type GraphBuilder, type NodeAttribute, output } from '../../tensorflow/index.ts';
import type { EmitScope } from '../emit.ts';
import type { OpNode, Program, TensorSpec } from '../program.ts';
import { convolution, filterGradient } from './convolution.ts';
import { poolGradient } from './pool-gradient.ts';
import { product } from './product.ts';

/** What XLA compiles for. */
export type XlaTarget = 'cpu' | 'gpu';

/** An op that is about to be written, with what its form depends on. */
export interface OpSite {
  readonly target: XlaTarget;
  /** Whether products say how precise they have to be. */
  readonly statedPrecision: boolean;
  readonly node: OpNode;
  readonly inputs: readonly string[];
  readonly specs: readonly TensorSpec[];
  readonly graph: GraphBuilder;
  /** An int32 constant, a vector unless `shape` says otherwise. */
  int32(values: readonly number[], shape?: readonly number[]): string;
}

/**
 * Writes an op in the form of which XLA makes the fewest and fastest kernels. A small step on a GPU takes as long
 * as its number of kernels, some 1.5 us each; on a CPU it takes as long as its kernels read and write memory.
 *
 * @returns the node, or undefined where the op is best as it is
 */
export function emitForXla(
  node: OpNode,
  program: Program,
  inputs: readonly string[],
  { graph, constant, target, statedPrecision = false }: EmitScope & { readonly target: XlaTarget },
): string | undefined {
  const specs = node.inputs.map((ref) => program.nodes[ref.node]!.outputs[ref.output]!);
  const int32 = (values: readonly number[], shape: readonly number[] = [values.length]) =>
    constant({ kind: 'constant', outputs: [{ dtype: 'int32', shape }], values: Int32Array.from(values) });
  const site: OpSite = { target, statedPrecision, node, inputs, specs, graph, int32 };
  const float = specs.every(({ dtype }) => dtype === 'float32');
  if (node.op === 'MatMul' && float) return product(site);
  if (target === 'cpu') return undefined;
  if (node.op === 'SparseSoftmaxCrossEntropyWithLogits') return computedOnce(site);
  if (node.op === 'MaxPoolGrad' && float) return poolGradient(site);
  if (node.op === 'Conv2D' && float) return convolution(site);
  if (node.op === 'Conv2DBackpropFilter' && node.outputs[0]!.dtype === 'float32') return filterGradient(site);
  return undefined;
}

/** Keeps XLA from computing an op's results anew in each kernel that uses them. */
function computedOnce({ node, inputs, graph }: OpSite): string {
  const results = graph.add(node.op, inputs, node.attributes, node.op);
  const outputs = node.outputs.map((_, index) => output(results, index));
  return graph.add('XlaOptimizationBarrier', outputs, {
    T: { types: node.outputs.map(({ dtype }) => dtype) },
  });
}

export const float32 = { T: { type: 'float32' } } as const;

/** A part of a tensor. */
export function slice(
  { graph, int32 }: OpSite,
  value: string,
  begin: readonly number[],
  size: readonly number[],
): string {
  return graph.add('Slice', [value, int32(begin), int32(size)], { ...float32, Index: { type: 'int32' } });
}

export function reshape({ graph, int32 }: OpSite, value: string, shape: readonly number[]): string {
  return graph.add('Reshape', [value, int32(shape)], { ...float32, Tshape: { type: 'int32' } });
}

export function concat({ graph, int32 }: OpSite, values: readonly string[], axis: number): string {
  if (values.length === 1) return values[0]!;
  return graph.add('ConcatV2', [...values, int32([axis], [])], {
    ...float32,
    Tidx: { type: 'int32' },
    N: { int: values.length },
  });
}

/** Sums over an axis, which goes. */
export function sum({ graph, int32 }: OpSite, value: string, axis: number): string {
  return graph.add('Sum', [value, int32([axis])], {
    ...float32,
    Tidx: { type: 'int32' },
    keep_dims: { bool: false },
  });
}

export const isTrue = (attribute: NodeAttribute | undefined): boolean =>
  attribute !== undefined && 'bool' in attribute && attribute.bool;

import type { GraphBuilder, NodeAttribute, TensorSpec } from '../../tensorflow/index.ts';
import type { OpNode } from '../program.ts';

/** What XLA compiles for. */
export type XlaTarget = 'cpu' | 'gpu';

/** An op that is about to be written, with what its form depends on. */
export interface OpSite {
  readonly target: XlaTarget;
  /** Whether products say how precise they have to be. */
  readonly explicitPrecision: boolean;
  readonly node: OpNode;
  readonly inputs: readonly string[];
  readonly specs: readonly TensorSpec[];
  readonly graph: GraphBuilder;
  /** An int32 constant, a vector unless `shape` says otherwise. */
  int32(values: readonly number[], shape?: readonly number[]): string;
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

/**
 * What the lowerings of this folder share: the op to be replaced, and functions that add common float32 ops
 * to a graph. Values are named by graph nodes.
 */
import type { GraphBuilder, NodeAttribute, TensorSpec } from '../../tensorflow/index.ts';
import type { OpNode } from '../program.ts';

/** The processor for which XLA compiles. */
export type XlaTarget = 'cpu' | 'gpu';

/** An op of a program, and the graph in which other ops are to replace it. */
export interface OpSite {
  readonly node: OpNode;
  /** The op's inputs in the graph. */
  readonly inputs: readonly string[];
  /** Dtype and shape of each input. */
  readonly specs: readonly TensorSpec[];
  readonly graph: GraphBuilder;
  readonly target: XlaTarget;
  /** Whether large matrix products name their precision. */
  readonly explicitPrecision: boolean;
  /** Adds an int32 constant, a vector unless `shape` is given. */
  int32(values: readonly number[], shape?: readonly number[]): string;
}

export const float32 = { T: { type: 'float32' } } as const;

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

/** The sum over one axis, which is removed from the shape. */
export function sum({ graph, int32 }: OpSite, value: string, axis: number): string {
  return graph.add('Sum', [value, int32([axis])], {
    ...float32,
    Tidx: { type: 'int32' },
    keep_dims: { bool: false },
  });
}

/** The sum of tensors of one shape. */
export function addN({ graph }: OpSite, values: readonly string[]): string {
  return graph.add('AddN', values, { ...float32, N: { int: values.length } });
}

/** Adds zeros around images [batch, height, width, channels]: before and behind the rows, and the columns. */
export function padImages(
  { graph, int32 }: OpSite,
  images: string,
  rows: readonly [number, number],
  columns: readonly [number, number],
): string {
  if ([...rows, ...columns].every((size) => size === 0)) return images;
  const paddings = int32([0, 0, ...rows, ...columns, 0, 0], [4, 2]);
  return graph.add('Pad', [images, paddings], { ...float32, Tpaddings: { type: 'int32' } });
}

export const isTrue = (attribute: NodeAttribute | undefined): boolean =>
  attribute !== undefined && 'bool' in attribute && attribute.bool;

export const textOf = (attribute: NodeAttribute | undefined): string | undefined =>
  attribute && 'string' in attribute ? attribute.string : undefined;

export const intsOf = (attribute: NodeAttribute | undefined): readonly number[] | undefined =>
  attribute && 'ints' in attribute ? attribute.ints : undefined;

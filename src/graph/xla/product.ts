import { float32, isTrue, type OpSite, reshape, slice, type XlaTarget } from './forms.ts';

/**
 * Longest sum that is written out: a small batch, or the rank of an adapter. With more terms a CPU is
 * faster at a product that keeps its operands in registers.
 */
const LONGEST_WRITTEN_OUT: Readonly<Record<XlaTarget, number>> = { cpu: 10, gpu: 16 };

interface Product extends OpSite {
  readonly transposed: readonly [boolean, boolean];
  /** How many terms each element sums. */
  readonly terms: number;
}

/** A product of two matrices; undefined where it is best as it is. */
export function product(site: OpSite): string | undefined {
  const { attributes } = site.node;
  const transposed = [isTrue(attributes.transpose_a), isTrue(attributes.transpose_b)] as const;
  const terms = site.specs[0]!.shape[transposed[0] ? 0 : 1]!;
  const parts = { ...site, transposed, terms };
  if (terms <= LONGEST_WRITTEN_OUT[site.target]) return writtenOut(parts);
  return site.target === 'gpu' ? xlaDot(parts) : undefined;
}

/**
 * A product with few terms as multiplications and additions: XLA puts them into one kernel with whatever uses the
 * product, such as the optimizer's update, while a matrix product stays a kernel of its own.
 */
function writtenOut(parts: Product): string {
  const { node, graph, terms } = parts;
  const [rows, columns] = node.outputs[0]!.shape as [number, number];
  let sum: string | undefined;
  for (let term = 0; term < terms; term++) {
    const factors = [factor(parts, 0, term, [rows, 1]), factor(parts, 1, term, [1, columns])];
    const one = graph.add('Mul', factors, float32);
    sum = sum === undefined ? one : graph.add('AddV2', [sum, one], float32);
  }
  return sum!;
}

/** What one side contributes to a term, as a column or a row. */
function factor(parts: Product, side: 0 | 1, term: number, shape: readonly number[]): string {
  const summed = (side === 0) !== parts.transposed[side] ? 1 : 0;
  const size = [...parts.specs[side]!.shape];
  size[summed] = 1;
  const begin = [0, 0];
  begin[summed] = term;
  const part = slice(parts, parts.inputs[side]!, begin, size);
  return size[0] === shape[0] && size[1] === shape[1] ? part : reshape(parts, part, shape);
}

/** XLA's own product, at its default precision, of which XLA makes kernels of its own or cuBLAS calls. */
function xlaDot({ inputs, graph, transposed: [left, right] }: Product): string {
  return graph.add('XlaDotV2', inputs, {
    LhsT: { type: 'float32' },
    RhsT: { type: 'float32' },
    preferred_element_type: { type: 'float32' },
    dimension_numbers: { string: contracting(left ? 0 : 1, right ? 1 : 0) },
    precision_config: { string: '' },
  });
}

/** DotDimensionNumbers of xla_data.proto: the dimensions that are summed over. */
const contracting = (left: number, right: number) =>
  `\x0a\x01${String.fromCharCode(left)}\x12\x01${String.fromCharCode(right)}`;

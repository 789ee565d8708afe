import { outputName, type TensorSpec } from '../../tensorflow/index.ts';
import type { Program } from '../program.ts';
import { float32, isTrue, type OpSite, reshape, sum, type XlaTarget } from './ops.ts';

/**
 * Longest sum that is written out: a small batch, or the rank of an adapter. With more terms a CPU is
 * faster at a product that keeps its operands in registers.
 */
const LONGEST_WRITTEN_OUT: Readonly<Record<XlaTarget, number>> = { cpu: 10, gpu: 16 };

/**
 * Most multiplications of a product that a GPU gets as a sum: XLA's own kernel for it takes 1.5 to 4 us and adds the
 * bias as well, while cuBLAS takes 5 to 20 us for products that give few numbers or sum few.
 */
const MOST_SUMMED = 2 ** 22;

interface Product extends OpSite {
  readonly transposed: readonly [boolean, boolean];
  /** How many terms each element sums. */
  readonly terms: number;
}

/** A product of two matrices; undefined where it is best as it is. */
export function product(site: OpSite): string | undefined {
  const { node } = site;
  const { attributes } = node;
  const transposed = [isTrue(attributes.transpose_a), isTrue(attributes.transpose_b)] as const;
  const terms = site.specs[0]!.shape[transposed[0] ? 0 : 1]!;
  const parts = { ...site, transposed, terms };
  if (terms <= LONGEST_WRITTEN_OUT[site.target]) return writtenOut(parts);
  if (site.target === 'cpu') return undefined;
  const [rows, columns] = node.outputs[0]!.shape as [number, number];
  if (rows * columns * terms <= MOST_SUMMED) {
    const sums = summed(parts, rows, columns);
    if (sums) return sums;
  }
  const over = [transposed[0] ? 0 : 1, transposed[1] ? 1 : 0] as const;
  return site.explicitPrecision ? explicitPrecisionMatMul(site, over) : xlaDot(site, over);
}

/**
 * A product as multiplications in three dimensions and a sum over one of them, which is laid where both matrices lie
 * in memory as they are; undefined where one would have to be turned.
 */
function summed(site: Product, rows: number, columns: number): string | undefined {
  const { graph, inputs, terms, transposed } = site;
  const multiplied = (left: readonly number[], right: readonly number[], axis: number) => {
    const factors = [reshape(site, inputs[0]!, left), reshape(site, inputs[1]!, right)];
    return sum(site, graph.add('Mul', factors, float32), axis);
  };
  if (!transposed[0] && !transposed[1]) return multiplied([rows, terms, 1], [1, terms, columns], 1);
  if (!transposed[0]) return multiplied([rows, 1, terms], [1, columns, terms], 2);
  if (!transposed[1]) return multiplied([terms, rows, 1], [terms, 1, columns], 0);
  return undefined;
}

/**
 * A product with few terms as multiplications and additions: XLA puts them into one kernel with whatever uses the
 * product, such as the optimizer's update, while a matrix product stays a kernel of its own.
 */
function writtenOut(parts: Product): string {
  const [left, right] = [factors(parts, 0), factors(parts, 1)];
  const products = left.map((factor, term) => parts.graph.add('Mul', [factor, right[term]!], float32));
  return parts.graph.add('AddN', products, { ...float32, N: { int: products.length } });
}

/** What one side contributes to each term: columns [rows, 1] of the left matrix, rows [1, columns] of the right one. */
function factors(site: Product, side: 0 | 1): string[] {
  const { transposed, terms, inputs, specs, graph } = site;
  const summed = (side === 0) !== transposed[side] ? 1 : 0;
  const other = specs[side]!.shape[1 - summed]!;
  const matrix = summed === 1 ? [other, terms] : [terms, other];
  const [shape, axis] = side === 0 ? [[...matrix, 1], summed] : unitRow(matrix, summed);
  const parts = graph.add('Unpack', [reshape(site, inputs[side]!, shape)], {
    ...float32,
    num: { int: terms },
    axis: { int: axis },
  });
  return Array.from({ length: terms }, (_, term) => outputName(parts, term));
}

/** The shape that has a dimension of 1 before the one that is not summed over, and where the summed one is then. */
function unitRow(matrix: readonly number[], summed: number): [number[], number] {
  return summed === 0 ? [[matrix[0]!, 1, matrix[1]!], 0] : [[1, ...matrix], 2];
}

/** XLA's own product, at its default precision, of which XLA makes kernels of its own or cuBLAS calls. */
function xlaDot({ inputs, graph }: OpSite, [left, right]: readonly [number, number]): string {
  return graph.add('XlaDotV2', inputs, {
    LhsT: { type: 'float32' },
    RhsT: { type: 'float32' },
    preferred_element_type: { type: 'float32' },
    dimension_numbers: { string: contracting(left, right) },
    precision_config: { string: '' },
  });
}

/** DotDimensionNumbers of xla_data.proto: the dimensions that are summed over. */
const contracting = (left: number, right: number) =>
  `\x0a\x01${String.fromCharCode(left)}\x12\x01${String.fromCharCode(right)}`;

/**
 * Three products of TF32 halves, which tensor cores add up in float32: as close to the exact product as float32
 * (Ootomo and Yokota 2022, arXiv:2203.03341), and several times as fast.
 */
const ALGORITHM = [
  'lhs_precision_type = tf32',
  'rhs_precision_type = tf32',
  'accumulation_type = f32',
  'lhs_component_count = 1',
  'rhs_component_count = 1',
  'num_primitive_operations = 3',
  'allow_imprecise_accumulation = false',
].join(', ');

/**
 * A product of matrices as StableHLO, which says how precise it has to be, as TensorFlow's own ops cannot. XLA makes
 * kernels of its own of such products and tries out which is fastest. To be run by `withStatedPrecision`.
 *
 * @param sums which dimension of each matrix is summed over
 */
function explicitPrecisionMatMul(
  { node, inputs, specs, graph }: OpSite,
  sums: readonly [number, number],
): string {
  const result = node.outputs[0]!;
  const [left, right, product] = [specs[0]!, specs[1]!, result].map(tensorType);
  const module = `func.func @main(%left: ${left}, %right: ${right}) -> ${product} {
    %product = stablehlo.dot_general %left, %right, contracting_dims = [${sums[0]}] x [${sums[1]}],
      algorithm = <${ALGORITHM}> : (${left}, ${right}) -> ${product}
    return %product : ${product}
  }`;
  return graph.add('XlaCallModule', inputs, {
    module: { string: module },
    version: { int: 9 },
    platforms: { strings: ['CUDA'] },
    disabled_checks: { strings: ['platform'] },
    Tin: { types: ['float32', 'float32'] },
    Tout: { types: ['float32'] },
    Sout: { shapes: [result.shape] },
    dim_args_spec: { strings: [] },
    function_list: { strings: [] },
    has_token_input_output: { bool: false },
  });
}

const tensorType = ({ shape }: TensorSpec) => `tensor<${[...shape, 'f32'].join('x')}>`;

/** Whether a program multiplies matrices by products that can say how precise they are, and by nothing else. */
export function supportsExplicitPrecision({ nodes }: Program): boolean {
  return nodes.every((node) => {
    if (node.kind !== 'op' || !/MatMul|Conv|Einsum|Dot/.test(node.op)) return true;
    return node.op === 'MatMul' && node.outputs[0]!.dtype === 'float32';
  });
}

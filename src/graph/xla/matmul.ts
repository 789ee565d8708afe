/**
 * Lowerings of `MatMul` in float32. Each element of a product [rows, columns] is a sum over `terms`. By its
 * size a product becomes one of these, from small to large:
 *
 *   unrolled     terms <= 10 (CPU) or 16 (GPU): a sum of `terms` outer products. Fused with what uses it.
 *   broadcast    GPU, up to 2^22 multiplications: one product in three dimensions, summed over one of them.
 *   dot          GPU: an XLA op for products, with or without a precision of its own.
 *   `MatMul`     CPU: left as it is.
 */
import * as tf from '@tensorflow/tfjs';
import { outputName, type TensorSpec } from '../../tensorflow/index.ts';
import type { Program } from '../program.ts';
import { addN, float32, isTrue, type OpSite, reshape, sum, type XlaTarget } from './ops.ts';

/**
 * Most terms of a product that is unrolled: the rows of a small batch, or the rank of an adapter. Above that
 * a CPU is faster with a matrix product, which keeps its operands in registers.
 */
const MAX_UNROLLED_TERMS: Readonly<Record<XlaTarget, number>> = { cpu: 10, gpu: 16 };

/**
 * Most multiplications of a product that a GPU computes by broadcasting. XLA's kernel for it takes 1.5 to 4
 * us and adds the bias as well, while cuBLAS takes 5 to 20 us for products with few elements or few terms.
 */
const MAX_BROADCAST_MULTIPLICATIONS = 2 ** 22;

interface MatMul extends OpSite {
  /**
   * Whether the left matrix is [terms, rows] instead of [rows, terms], and the right one [columns, terms].
   */
  readonly transposed: readonly [boolean, boolean];
  readonly terms: number;
}

/**
 * @param site inputs are two matrices, float32
 * @returns [rows, columns] float32; undefined to keep the op
 */
export function lowerMatMul(site: OpSite): string | undefined {
  const { node, specs, target } = site;
  const transposed = [isTrue(node.attributes.transpose_a), isTrue(node.attributes.transpose_b)] as const;
  const terms = specs[0]!.shape[transposed[0] ? 0 : 1]!;
  const product: MatMul = { ...site, transposed, terms };
  if (terms <= MAX_UNROLLED_TERMS[target]) return unrolledMatMul(product);
  if (target === 'cpu') return undefined;
  const [rows, columns] = node.outputs[0]!.shape as [number, number];
  const broadcast =
    rows * columns * terms <= MAX_BROADCAST_MULTIPLICATIONS
      ? broadcastMatMul(product, rows, columns)
      : undefined;
  return broadcast ?? (site.explicitPrecision ? explicitPrecisionDot(product) : defaultDot(product));
}

/**
 * A product as multiplications in three dimensions and a sum over one. The order of the dimensions is the one
 * in which both matrices are in memory, so that reshaping is free; undefined if there is none.
 */
function broadcastMatMul(product: MatMul, rows: number, columns: number): string | undefined {
  const { graph, inputs, terms, transposed } = product;
  const multiplyAndSum = (left: readonly number[], right: readonly number[], axis: number) => {
    const factors = [reshape(product, inputs[0]!, left), reshape(product, inputs[1]!, right)];
    return sum(product, graph.add('Mul', factors, float32), axis);
  };
  if (!transposed[0] && !transposed[1]) return multiplyAndSum([rows, terms, 1], [1, terms, columns], 1);
  if (!transposed[0]) return multiplyAndSum([rows, 1, terms], [1, columns, terms], 2);
  if (!transposed[1]) return multiplyAndSum([terms, rows, 1], [terms, 1, columns], 0);
  return undefined;
}

/**
 * A product as a sum of outer products, one for each term. XLA fuses them into the kernel that uses the
 * product, such as the optimizer's update.
 */
function unrolledMatMul(product: MatMul): string {
  const [columnsOfLeft, rowsOfRight] = [factors(product, 0), factors(product, 1)];
  const outerProducts = columnsOfLeft.map((column, term) =>
    product.graph.add('Mul', [column, rowsOfRight[term]!], float32),
  );
  return addN(product, outerProducts);
}

/**
 * One factor for each term.
 *
 * @param side 0: columns [rows, 1] of the left matrix; 1: rows [1, columns] of the right one
 */
function factors(product: MatMul, side: 0 | 1): string[] {
  const { transposed, terms, inputs, specs, graph } = product;
  const termAxis = (side === 0) !== transposed[side] ? 1 : 0;
  const matrix = specs[side]!.shape as [number, number];
  // A dimension of 1 behind the left matrix, or before the axis of the right one that is not summed over.
  const [shape, axis] =
    side === 0
      ? [[...matrix, 1], termAxis]
      : termAxis === 0
        ? [[matrix[0], 1, matrix[1]], 0]
        : [[1, ...matrix], 2];
  const unpacked = graph.add('Unpack', [reshape(product, inputs[side]!, shape)], {
    ...float32,
    num: { int: terms },
    axis: { int: axis },
  });
  return Array.from({ length: terms }, (_, term) => outputName(unpacked, term));
}

/** The axis of each matrix that is summed over. */
function contractedAxes({ transposed }: MatMul): readonly [number, number] {
  return [transposed[0] ? 0 : 1, transposed[1] ? 1 : 0];
}

/** A product at XLA's default precision, which XLA compiles to a kernel of its own or a call of cuBLAS. */
function defaultDot(product: MatMul): string {
  const [left, right] = contractedAxes(product);
  return product.graph.add('XlaDotV2', product.inputs, {
    LhsT: { type: 'float32' },
    RhsT: { type: 'float32' },
    preferred_element_type: { type: 'float32' },
    // DotDimensionNumbers of xla_data.proto as bytes: field 1 and field 2 list the contracted axes.
    dimension_numbers: {
      string: `\x0a\x01${String.fromCharCode(left)}\x12\x01${String.fromCharCode(right)}`,
    },
    precision_config: { string: '' },
  });
}

/**
 * From this many multiplications on, a GPU computes a product from BF16 parts, which is faster and more precise. Smaller
 * products are faster from TF32 halves.
 */
const MIN_BF16_MULTIPLICATIONS = 2 ** 31;

/**
 * How tensor cores compute a float32 product as a sum of products in a format with fewer bits: by three products of TF32
 * halves (Ootomo and Yokota 2022, arXiv:2203.03341), or six products of BF16 thirds (Henry, Tang and Heinecke 2019,
 * arXiv:1904.06376). Both are as close to the exact product as float32, and several times as fast.
 */
function algorithm(multiplications: number): string {
  const [type, products] = multiplications < MIN_BF16_MULTIPLICATIONS ? ['tf32', 3] : ['bf16', 6];
  return [
    `lhs_precision_type = ${type}`,
    `rhs_precision_type = ${type}`,
    'accumulation_type = f32',
    'lhs_component_count = 1',
    'rhs_component_count = 1',
    `num_primitive_operations = ${products}`,
    'allow_imprecise_accumulation = false',
  ].join(', ');
}

/**
 * A product that names its precision. TensorFlow's own ops cannot, so it is written in StableHLO. XLA makes
 * several kernels for such a product and keeps the fastest. The graph has to be run with
 * `withExplicitPrecision`.
 */
function explicitPrecisionDot(product: MatMul): string {
  const { node, inputs, specs, graph, terms } = product;
  const [leftAxis, rightAxis] = contractedAxes(product);
  const output = node.outputs[0]!;
  const multiplications = terms * tf.util.sizeFromShape([...output.shape]);
  const [left, right, result] = [specs[0]!, specs[1]!, output].map(tensorType);
  const module = `func.func @main(%left: ${left}, %right: ${right}) -> ${result} {
    %product = stablehlo.dot_general %left, %right, contracting_dims = [${leftAxis}] x [${rightAxis}],
      algorithm = <${algorithm(multiplications)}> : (${left}, ${right}) -> ${result}
    return %product : ${result}
  }`;
  return graph.add('XlaCallModule', inputs, {
    module: { string: module },
    version: { int: 9 },
    platforms: { strings: ['CUDA'] },
    disabled_checks: { strings: ['platform'] },
    Tin: { types: ['float32', 'float32'] },
    Tout: { types: ['float32'] },
    Sout: { shapes: [output.shape] },
    dim_args_spec: { strings: [] },
    function_list: { strings: [] },
    has_token_input_output: { bool: false },
  });
}

const tensorType = ({ shape }: TensorSpec) => `tensor<${[...shape, 'f32'].join('x')}>`;

/**
 * Whether all products of a program can name their precision: only float32 `MatMul` can. Otherwise TF32 would
 * have to be allowed for products that do not name theirs.
 */
export function supportsExplicitPrecision({ nodes }: Program): boolean {
  return nodes.every((node) => {
    if (node.kind !== 'op' || !/MatMul|Conv|Einsum|Dot/.test(node.op)) return true;
    return node.op === 'MatMul' && node.outputs[0]!.dtype === 'float32';
  });
}

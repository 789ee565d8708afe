import type { Program, TensorSpec } from '../program.ts';
import type { OpSite } from './forms.ts';

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
export function statedProduct(
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
export function canStatePrecision({ nodes }: Program): boolean {
  return nodes.every((node) => {
    if (node.kind !== 'op' || !/MatMul|Conv|Einsum|Dot/.test(node.op)) return true;
    return node.op === 'MatMul' && node.outputs[0]!.dtype === 'float32';
  });
}

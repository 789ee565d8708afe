import { type GraphBuilder, outputName } from '../../tensorflow/index.ts';
import type { ConstantNode, OpNode, Program } from '../program.ts';
import { convolution, filterGradient } from './convolution.ts';
import { product } from './matmul.ts';
import type { OpSite, XlaTarget } from './ops.ts';
import { poolGradient } from './pooling.ts';

export interface LoweringScope {
  readonly graph: GraphBuilder;
  constant(node: ConstantNode): string;
  readonly target: XlaTarget;
  readonly explicitPrecision?: boolean;
}

/**
 * Writes an op in the form of which XLA makes the fewest and fastest kernels. A small step on a GPU takes as long
 * as its number of kernels, some 1.5 us each; on a CPU it takes as long as its kernels read and write memory.
 *
 * @returns the node, or undefined where the op is best as it is
 */
export function lowerForXla(
  node: OpNode,
  program: Program,
  inputs: readonly string[],
  { graph, constant, target, explicitPrecision = false }: LoweringScope,
): string | undefined {
  const specs = node.inputs.map((ref) => program.nodes[ref.node]!.outputs[ref.output]!);
  const int32 = (values: readonly number[], shape: readonly number[] = [values.length]) =>
    constant({ kind: 'constant', outputs: [{ dtype: 'int32', shape }], values: Int32Array.from(values) });
  const site: OpSite = { target, explicitPrecision, node, inputs, specs, graph, int32 };
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
  const outputs = node.outputs.map((_, index) => outputName(results, index));
  return graph.add('XlaOptimizationBarrier', outputs, {
    T: { types: node.outputs.map(({ dtype }) => dtype) },
  });
}

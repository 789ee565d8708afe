/**
 * Step 3 of 4, emit: which ops are replaced where XLA compiles the graph, and by what.
 *
 * XLA fuses elementwise ops and sums into one kernel. TensorFlow's products and convolutions stay kernels of
 * their own. A small training step on a GPU takes as long
 * as the number of its kernels, about 1.5 us each; on a CPU as long as its kernels read and write memory. So
 * small products and convolutions are written as arithmetic that XLA can fuse.
 */
import { type GraphBuilder, outputName, type TensorSpec, type TensorValues } from '../../tensorflow/index.ts';
import type { OpNode } from '../program.ts';
import { lowerConv2D, lowerConv2DBackpropFilter } from './convolution.ts';
import { lowerMatMul } from './matmul.ts';
import type { OpSite, XlaTarget } from './ops.ts';
import { lowerMaxPoolGrad } from './pooling.ts';

/** Where ops are written. */
export interface LoweringScope {
  readonly graph: GraphBuilder;
  /** The processor for which XLA will compile the graph. Undefined if TensorFlow runs it node by node. */
  readonly xla?: XlaTarget;
  /** Whether large matrix products name their precision. Then run the graph with `withExplicitPrecision`. */
  readonly explicitPrecision?: boolean;
  /** Adds a constant and returns its name. */
  constant(spec: TensorSpec, values: TensorValues): string;
}

/**
 * Adds ops that compute the same as `node`, and that XLA compiles to faster code.
 *
 * @param inputs the op's inputs in the graph
 * @param specs dtype and shape of each input
 * @returns the node of the result, whose outputs are those of `node`; undefined to keep the op
 */
export function lowerForXla(
  node: OpNode,
  inputs: readonly string[],
  specs: readonly TensorSpec[],
  { graph, xla: target, explicitPrecision = false, constant }: LoweringScope,
): string | undefined {
  if (!target) return undefined;
  const int32 = (values: readonly number[], shape: readonly number[] = [values.length]) =>
    constant({ dtype: 'int32', shape }, Int32Array.from(values));
  const site: OpSite = { target, explicitPrecision, node, inputs, specs, graph, int32 };
  const isFloat = specs.every(({ dtype }) => dtype === 'float32');
  if (node.op === 'MatMul' && isFloat) return lowerMatMul(site);
  if (target === 'cpu') return undefined;
  switch (node.op) {
    case 'SparseSoftmaxCrossEntropyWithLogits':
      return optimizationBarrier(site);
    case 'MaxPoolGrad':
      return isFloat ? lowerMaxPoolGrad(site) : undefined;
    case 'Conv2D':
      return isFloat ? lowerConv2D(site) : undefined;
    case 'Conv2DBackpropFilter':
      return node.outputs[0]!.dtype === 'float32' ? lowerConv2DBackpropFilter(site) : undefined;
    default:
      return undefined;
  }
}

/** The op itself, behind a barrier: XLA would compute its results again in each kernel that uses them. */
function optimizationBarrier({ node, inputs, graph }: OpSite): string {
  const results = graph.add(node.op, inputs, node.attributes, node.op);
  const outputs = node.outputs.map((_, index) => outputName(results, index));
  return graph.add('XlaOptimizationBarrier', outputs, {
    T: { types: node.outputs.map(({ dtype }) => dtype) },
  });
}

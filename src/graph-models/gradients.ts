import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { completedGradients } from '../kernels/index.ts';
import { printable } from '../quote.ts';
import type { GraphNode } from './graph.ts';

/** The kernels of ops that tfjs runs with kernels of other names. Empty if no kernel runs. */
const KERNELS: Readonly<Record<string, string>> = {
  AddV2: 'Add',
  BiasAdd: 'Add',
  Div: 'RealDiv',
  Mul: 'Multiply',
  FloorMod: 'Mod',
  Conv1D: 'Conv2D',
  _FusedConv2D: 'Conv2D',
  DepthwiseConv2d: 'DepthwiseConv2dNative',
  FusedDepthwiseConv2dNative: 'DepthwiseConv2dNative',
  MatMul: 'BatchMatMul',
  BatchMatMulV2: 'BatchMatMul',
  _FusedMatMul: 'BatchMatMul',
  FusedBatchNormV2: 'FusedBatchNorm',
  FusedBatchNormV3: 'FusedBatchNorm',
  EuclideanNorm: 'Sqrt',
  ConcatV2: 'Concat',
  Gather: 'GatherV2',
  ReverseV2: 'Reverse',
  Split: 'SplitV',
  Squeeze: 'Reshape',
  EnsureShape: 'Identity',
  Pad: 'PadV2',
  SelectV2: 'Select',
  PlaceholderWithDefault: 'Identity',
  IdentityN: 'Identity',
  Snapshot: 'Identity',
  StopGradient: 'Identity',
  Print: 'Identity',
  FakeQuantWithMinMaxVars: 'Identity',
};

/** Ops whose result depends on the shape of their input only. Gradients end there without an error. */
const SHAPE_OPS = new Set(['Shape', 'ShapeN', 'Rank', 'Size', 'NoOp']);

/** Ops that tfjs runs asynchronously, or whose order it decides while it runs, so that no gradient can be recorded. */
const ASYNCHRONOUS =
  /^(Switch|Merge|Enter|Exit|NextIteration|LoopCond|(Stateless)?(If|While)|NonMaxSuppressionV\d|Where|Unique.*|ListDiff|TensorArray.*|TensorList.*|Lookup.*)$/;

/**
 * Checks that tfjs can compute the gradients of at least one output with respect to each of the nodes.
 *
 * @throws UsageError that names the first op on the way that has no gradient
 */
export function requireGradients(outputs: readonly GraphNode[], targets: readonly GraphNode[]): void {
  for (const target of targets) {
    const ways = outputs.map((output) => blockingNode(target, output));
    if (ways.some((way) => way === 'none')) continue;
    const blocking = ways.find((way) => typeof way === 'object');
    if (!blocking)
      throw new UsageError(
        'invalid-argument',
        `node '${printable(target.name)}' (${target.op}): no output of the graph depends on it; leave it out with 'exclude'`,
      );
    const reason = ASYNCHRONOUS.test(blocking.op)
      ? 'tfjs runs it asynchronously, without gradients'
      : 'tfjs has no gradient for it';
    throw new UsageError(
      'invalid-argument',
      `node '${printable(target.name)}' (${target.op}): cannot be trained, because node '${printable(blocking.name)}' (${blocking.op}) lies between it and the outputs, and ${reason}; adapt only what lies behind with from: '${printable(blocking.name)}', or train on nodes before it with option 'outputs'`,
    );
  }
}

/**
 * Looks for an op without a gradient between a node and an output. tfjs needs the gradients of all ops on all ways between
 * them.
 *
 * @returns 'none' if all have one, 'unreachable' if there is no way, otherwise the node
 */
function blockingNode(target: GraphNode, output: GraphNode): GraphNode | 'none' | 'unreachable' {
  const behindTarget = spread(target, ({ children }) => children);
  if (!behindTarget.has(output)) return 'unreachable';
  const before = spread(output, ({ inputs }) => inputs);
  const between = [...behindTarget].filter((node) => before.has(node));
  return between.find((node) => !hasGradient(node)) ?? 'none';
}

/** Returns a node and all that it leads to, nearest first, not beyond ops that only look at shapes. */
function spread(start: GraphNode, next: (node: GraphNode) => readonly GraphNode[]): Set<GraphNode> {
  const reached = new Set([start]);
  for (const node of reached)
    for (const neighbour of next(node)) if (!SHAPE_OPS.has(neighbour.op)) reached.add(neighbour);
  return reached;
}

function hasGradient(node: GraphNode): boolean {
  if (ASYNCHRONOUS.test(node.op) || isDilatedWithoutGradient(node)) return false;
  if (node.op === 'Const') return true; // it has no inputs, so gradients end there
  const kernel = KERNELS[node.op] ?? node.op;
  return completedGradients.has(kernel) || tf.getGradient(kernel) !== undefined;
}

/** Whether a node is a dilated convolution in 3-D, or one that tfjs does not split up: fused, without an activation. */
function isDilatedWithoutGradient({ op, attrParams }: GraphNode): boolean {
  const dilations = attrParams.dilations?.value;
  if (!Array.isArray(dilations) || dilations.every((rate) => rate === 1)) return false;
  const fused = attrParams.fusedOps?.value as readonly string[] | undefined;
  return op === 'Conv3D' || fused?.every((name) => name === 'biasadd') === true;
}

import { type KindsByMethod, kindsByOp, matricesKind } from '../lora/index.ts';
import { constantBehind, type GraphNode } from './graph.ts';

/** How a node uses a constant as its kernel. */
export interface NodeWeights {
  /** The class of tfjs layers that computes the same; otherwise the op. */
  readonly className: string;
  readonly kinds: KindsByMethod;
  /** The constants by the names of their weights in the class: `kernel`, `bias`. */
  readonly weights: ReadonlyMap<string, GraphNode>;
  readonly dilationRate?: readonly number[];
}

/** Looks up the constants of a graph. */
export interface Constants {
  /** Returns the shape of a constant that contains float32 values; undefined for other constants. */
  shapeOf(constant: GraphNode): readonly number[] | undefined;
  /** Returns the value of an int32 scalar; undefined for other constants. */
  scalarOf(constant: GraphNode): number | undefined;
}

interface Kernel {
  readonly className: string;
  readonly kinds: KindsByMethod;
  readonly kernelName: string;
  /** Which input is the kernel. */
  readonly input: number;
}

/**
 * Returns the kernel and bias of a node whose op can be adapted.
 *
 * @returns undefined if the op has no kernel, or the kernel is not a constant
 */
export function nodeWeights(node: GraphNode, constants: Constants): NodeWeights | undefined {
  const kernel = KERNELS.get(node.op)?.(node, constants);
  if (!kernel) return undefined;
  const constant = constantBehind(node.inputs[kernel.input]);
  const shape = constant && constants.shapeOf(constant);
  if (!shape) return undefined;
  const weights = new Map([[kernel.kernelName, constant]]);
  const bias = kernel.className === 'Embedding' ? undefined : biasOf(node, constants);
  if (bias) weights.set('bias', bias);
  const dilations = node.attrParams.dilations?.value as readonly number[] | undefined;
  const dilationRate = dilations?.some((rate) => rate > 1) ? dilations : undefined;
  return { ...kernel, weights, ...(dilationRate && { dilationRate }) };
}

const conv2d = (): Kernel => ({
  className: 'Conv2D',
  kinds: kindsByOp.conv2d,
  kernelName: 'kernel',
  input: 1,
});
const depthwise = (): Kernel => ({
  className: 'DepthwiseConv2D',
  kinds: kindsByOp.depthwise,
  kernelName: 'depthwise_kernel',
  input: 1,
});
const embedding = (node: GraphNode, constants: Constants): Kernel | undefined => {
  const constant = constantBehind(node.inputs[0]);
  const isTable = constant && constants.shapeOf(constant)?.length === 2;
  return isTable && gatherAxis(node, constants) === 0
    ? { className: 'Embedding', kinds: kindsByOp.embedding, kernelName: 'embeddings', input: 0 }
    : undefined;
};

/** The kernels of the ops that can be adapted. */
const KERNELS: ReadonlyMap<string, (node: GraphNode, constants: Constants) => Kernel | undefined> = new Map(
  Object.entries({
    MatMul: matMul,
    _FusedMatMul: matMul,
    BatchMatMul: matMul,
    BatchMatMulV2: matMul,
    Conv1D: conv2d,
    Conv2D: conv2d,
    _FusedConv2D: conv2d,
    Conv3D: () => ({ className: 'Conv3D', kinds: kindsByOp.conv3d, kernelName: 'kernel', input: 1 }),
    DepthwiseConv2d: depthwise,
    DepthwiseConv2dNative: depthwise,
    FusedDepthwiseConv2dNative: depthwise,
    Einsum: einsum,
    Gather: embedding,
    GatherV2: embedding,
  }),
);

/** x·W with a constant on the right: [in, out], [out, in] if transposed, or with batch axes before these. */
function matMul(node: GraphNode, constants: Constants): Kernel | undefined {
  const constant = constantBehind(node.inputs[1]);
  const rank = (constant && constants.shapeOf(constant))?.length ?? 0;
  if (rank < 2) return undefined;
  const isTransposed = node.attrParams.transposeB?.value === true;
  if (rank === 2 && !isTransposed)
    return { className: 'Dense', kinds: kindsByOp.dense, kernelName: 'kernel', input: 1 };
  const [inputs, outputs] = isTransposed ? [rank - 1, rank - 2] : [rank - 2, rank - 1];
  const batch = Array.from({ length: rank - 2 }, (_, axis) => axis);
  // A name that differs from Dense's, because the layout does.
  const kernelName = rank === 2 ? 'transposed_kernel' : 'kernel';
  const kind = matricesKind({ kernelName, batch, inputs: [inputs], outputs: [outputs] });
  return {
    className: rank === 2 ? 'Dense' : node.op,
    kinds: { side: kind, weight: kind },
    kernelName,
    input: 1,
  };
}

/** An einsum of two operands, one of them a constant. Each of its axes is a batch axis, an input or an output. */
function einsum(node: GraphNode, constants: Constants): Kernel | undefined {
  const equation = String(node.attrParams.equation?.value ?? '').replaceAll(' ', '');
  const [, left, right, result] = /^([A-Za-z]+),([A-Za-z]+)->([A-Za-z]*)$/.exec(equation) ?? [];
  if (left === undefined || right === undefined || result === undefined) return undefined;
  const input = [1, 0].find((index) => {
    const constant = constantBehind(node.inputs[index]);
    return constant && constants.shapeOf(constant);
  });
  if (input === undefined) return undefined;
  const [kernel, other] = input === 1 ? [right, left] : [left, right];
  const axes = [...kernel].map((label, axis) => ({ label, axis }));
  const select = (inOther: boolean, inResult: boolean) =>
    axes
      .filter(({ label }) => other.includes(label) === inOther && result.includes(label) === inResult)
      .map(({ axis }) => axis);
  const [batch, inputs, outputs] = [select(true, true), select(true, false), select(false, true)];
  const isMatrix = inputs.length > 0 && outputs.length > 0 && new Set(kernel).size === kernel.length;
  if (!isMatrix || batch.length + inputs.length + outputs.length < kernel.length) return undefined;
  const kind = matricesKind({ kernelName: 'kernel', batch, inputs, outputs });
  return { className: 'Einsum', kinds: { side: kind, weight: kind }, kernelName: 'kernel', input };
}

/** The axis that a gather selects from; undefined if it is computed. */
function gatherAxis(node: GraphNode, { scalarOf }: Constants): number | undefined {
  if (node.op === 'Gather') return 0;
  const axis = constantBehind(node.inputs[2]);
  return axis && scalarOf(axis);
}

/** The constant that a node adds to each output, fused with the op or in the only node behind it. */
function biasOf(node: GraphNode, constants: Constants): GraphNode | undefined {
  const fused = node.attrParams.fusedOps?.value as readonly string[] | undefined;
  if (fused) return fused[0] === 'biasadd' ? constantBehind(node.inputs[2]) : undefined;
  const [child, ...others] = node.children;
  if (!child || others.length > 0 || !['BiasAdd', 'Add', 'AddV2'].includes(child.op)) return undefined;
  const constant = child.inputs
    .map(constantBehind)
    .find((input) => input && constants.shapeOf(input)?.length === 1);
  return constant;
}

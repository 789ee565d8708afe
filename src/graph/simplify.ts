/**
 * Step 2 of 4, simplify: removes what tfjs adds around the mathematics of a program. tfjs multiplies matrices
 * as batches of one, reshapes and casts without need, and writes the gradient of ReLU as eight ops.
 *
 * The rewriting is one pass in order of execution. Shapes in the comments: [1, m, n] is a batch of one
 * matrix.
 */
import { asBroadcast, beforeBroadcasts } from './broadcasts.ts';
import { liveNodes, type OpNode, type Program, type ValueRef } from './program.ts';
import { ProgramBuilder, sameShape } from './program-builder.ts';

/**
 * Returns a program that computes the same values with fewer and smaller ops: no dead code, no reshape, transpose or cast
 * without effect, equal ops once, `MatMul` for products of single matrices, `ReluGrad` for the gradient of ReLU, and
 * elementwise ops before tensors are repeated. The one difference: where ReLU's input is NaN, its gradient is 0 instead of NaN.
 *
 * @example
 * const { program } = record((x) => [x.reshape([6]).reshape([2, 3])], [{ shape: [2, 3], dtype: 'float32' }]);
 * countOps(simplify(program)); // Map {}
 */
export function simplify(program: Program): Program {
  const builder = new ProgramBuilder();
  const live = liveNodes(program);
  // For each old node its new index, or the value that replaces its only output.
  const replacements = new Map<number, number | ValueRef>();
  const refOf = ({ node, output }: ValueRef): ValueRef => {
    const replacement = replacements.get(node)!;
    return typeof replacement === 'number' ? { node: replacement, output } : replacement;
  };
  program.nodes.forEach((node, index) => {
    if (!live[index]) return;
    if (node.kind === 'op') {
      const op: OpNode = { ...node, inputs: node.inputs.map(refOf) };
      replacements.set(index, rewrite(builder, op) ?? builder.add(op));
    } else {
      replacements.set(index, builder.add(node));
    }
  });
  return {
    ...program,
    nodes: builder.nodes,
    outputs: program.outputs.map(refOf),
    assignments: program.assignments.map(({ variable, value }) => ({ variable, value: refOf(value) })),
  };
}

/** Ops that can be applied to [m, n] in place of [1, m, n]. */
const ELEMENTWISE = new Set([
  'Add',
  'AddV2',
  'ReluGrad',
  'Relu',
  'Relu6',
  'Elu',
  'Selu',
  'LeakyRelu',
  'Sigmoid',
  'Tanh',
  'Softplus',
  'Exp',
  'Neg',
]);

/** Adds ops that replace `node`, and returns the value that replaces its output. Undefined to keep the op. */
function rewrite(builder: ProgramBuilder, node: OpNode): ValueRef | undefined {
  const { op, inputs, outputs } = node;
  const [a, b] = inputs;
  switch (op) {
    case 'Reshape':
      return builder.reshape(node, a!, outputs[0]!.shape);
    case 'Cast':
      return builder.specOf(a!).dtype === outputs[0]!.dtype ? a : undefined;
    case 'BatchMatMulV2':
      return matMul(builder, node);
    case 'Sum':
      return sumOfRows(builder, node);
    case 'Transpose':
      return isIdentity(builder, b!) ? a : undefined;
    case 'Tile':
      return asBroadcast(builder, node);
    case 'Mul':
      return (
        reluGradient(builder, node, a!, b!) ??
        reluGradient(builder, node, b!, a!) ??
        asBroadcast(builder, node) ??
        beforeBroadcasts(builder, node)
      );
    default:
      return (
        (ELEMENTWISE.has(op) ? withoutBatch(builder, node) : undefined) ?? beforeBroadcasts(builder, node)
      );
  }
}

/** Whether a permutation of axes keeps their order. */
function isIdentity(builder: ProgramBuilder, permutation: ValueRef): boolean {
  return builder.constant(permutation)?.values.every((from: number, axis: number) => from === axis) ?? false;
}

/** `BatchMatMulV2` of matrices [m, n] or [1, m, n] as `MatMul`. */
function matMul(builder: ProgramBuilder, node: OpNode): ValueRef | undefined {
  const { attributes, inputs, outputs } = node;
  const output = outputs[0]!;
  const matrixShape = (shape: readonly number[]) => shape.slice(-2);
  const single = [...inputs.map((input) => builder.specOf(input)), output].every(
    ({ shape }) => shape.length === 2 || (shape.length === 3 && shape[0] === 1),
  );
  if (!single) return undefined;
  const operands = inputs.map((input) =>
    builder.reshape(node, input, matrixShape(builder.specOf(input).shape)),
  );
  const { T, adj_x, adj_y } = attributes;
  const spec = { dtype: output.dtype, shape: matrixShape(output.shape) };
  const product = builder.addOp(
    node,
    'MatMul',
    { T: T!, transpose_a: adj_x!, transpose_b: adj_y! },
    operands,
    spec,
  );
  return builder.reshape(node, product, output.shape);
}

/**
 * An elementwise op on [1, m, n] as the same op on [m, n]. Other operands may be scalars, vectors or
 * matrices.
 */
function withoutBatch(builder: ProgramBuilder, node: OpNode): ValueRef | undefined {
  const { dtype, shape } = node.outputs[0]!;
  const batched = node.inputs.map((input) => isBatchOfOne(builder, input));
  if (shape.length !== 3 || shape[0] !== 1 || !batched.includes(true)) return undefined;
  const unbatched = node.inputs.filter((_, index) => !batched[index]);
  if (unbatched.some((input) => builder.specOf(input).shape.length > 2)) return undefined;
  const inputs = node.inputs.map((input, index) =>
    batched[index] ? builder.reshape(node, input, builder.specOf(input).shape.slice(1)) : input,
  );
  const result = builder.addOp(node, node.op, node.attributes, inputs, { dtype, shape: shape.slice(1) });
  return builder.reshape(node, result, shape);
}

/** Whether a value is a matrix that was reshaped to [1, m, n]. */
function isBatchOfOne(builder: ProgramBuilder, value: ValueRef): boolean {
  const { shape } = builder.specOf(value);
  return builder.producer(value, 'Reshape') !== undefined && shape.length === 3 && shape[0] === 1;
}

/** The sum of [1, m, n] over axes 0 and 1 as the sum of [m, n] over axis 0. */
function sumOfRows(builder: ProgramBuilder, node: OpNode): ValueRef | undefined {
  const [value, axes] = node.inputs as [ValueRef, ValueRef];
  const output = node.outputs[0]!;
  if (!isBatchOfOne(builder, value)) return undefined;
  if (builder.constant(axes)?.values.join() !== '0,1' || output.shape.length !== 1) return undefined;
  const firstAxis = builder.addInt32([0]);
  const matrix = builder.reshape(node, value, builder.specOf(value).shape.slice(1));
  return builder.addOp(node, 'Sum', node.attributes, [matrix, firstAxis], output);
}

/**
 * The gradient of ReLU as tfjs writes it, as one `ReluGrad`:
 *
 *   gradient * step(x),   step(x) = select(isNaN(x), x, select(x > 0, 1, 0))
 *
 * @param node the product
 */
function reluGradient(
  builder: ProgramBuilder,
  node: OpNode,
  gradient: ValueRef,
  step: ValueRef,
): ValueRef | undefined {
  const outer = builder.producer(step, 'Select');
  const inner = outer && builder.producer(outer.inputs[2]!, 'Select');
  const isNan = outer && builder.producer(outer.inputs[0]!, 'IsNan');
  const greater = inner && builder.producer(inner.inputs[0]!, 'Greater');
  if (!outer || !inner || !isNan || !greater) return undefined;
  const x = outer.inputs[1]!;
  const isX = (value: ValueRef) => value.node === x.node && value.output === x.output;
  const matches =
    isX(isNan.inputs[0]!) &&
    isX(greater.inputs[0]!) &&
    isFilledWith(builder, greater.inputs[1]!, 0) &&
    isFilledWith(builder, inner.inputs[1]!, 1) &&
    isFilledWith(builder, inner.inputs[2]!, 0);
  const spec = builder.specOf(x);
  const sameShapes = sameShape(builder.specOf(gradient).shape, spec.shape);
  if (!matches || !sameShapes || spec.dtype !== 'float32') return undefined;
  const reluGrad: OpNode = {
    ...node,
    op: 'ReluGrad',
    attributes: { T: { type: 'float32' } },
    inputs: [gradient, x],
    outputs: [spec],
  };
  return (
    withoutBatch(builder, reluGrad) ??
    builder.addOp(node, reluGrad.op, reluGrad.attributes, reluGrad.inputs, spec)
  );
}

/** Whether all elements of a tensor are known to be `number`. */
function isFilledWith(builder: ProgramBuilder, value: ValueRef, number: number): boolean {
  const constant = builder.constant(value);
  if (constant) return constant.values.every((element: number) => element === number);
  const fill = builder.producer(value, 'Fill');
  return fill !== undefined && builder.constant(fill.inputs[1]!)?.values[0] === number;
}

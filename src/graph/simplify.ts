import { liveNodes, type OpNode, type Program, type ValueRef } from './program.ts';
import { ProgramBuilder, sameShape } from './program-builder.ts';

/**
 * The same program with fewer ops: matrix products without the batch of one that tfjs wraps them in, no reshape or
 * cast that changes nothing, ReLU's gradient as one op instead of eight, equal ops once. Values stay the
 * same; only ReLU's gradient at NaN becomes 0, where the loss is NaN as well.
 */
export function simplify(program: Program): Program {
  const draft = new ProgramBuilder();
  const live = liveNodes(program);
  const moved = new Map<number, ValueRef | number>();
  const now = ({ node, output }: ValueRef): ValueRef => {
    const target = moved.get(node)!;
    return typeof target === 'number' ? { node: target, output } : target;
  };
  program.nodes.forEach((node, index) => {
    if (!live[index]) return;
    if (node.kind !== 'op') {
      moved.set(index, draft.add(node));
      return;
    }
    const op: OpNode = { ...node, inputs: node.inputs.map(now) };
    moved.set(index, rewrite(draft, op) ?? draft.add(op));
  });
  return {
    ...program,
    nodes: draft.nodes,
    outputs: program.outputs.map(now),
    assignments: program.assignments.map(({ variable, value }) => ({ variable, value: now(value) })),
  };
}

/** A value that replaces the op's only output; undefined to keep the op. */
function rewrite(draft: ProgramBuilder, node: OpNode): ValueRef | undefined {
  const { op, inputs, outputs } = node;
  switch (op) {
    case 'Reshape':
      return draft.reshape(node, inputs[0]!, outputs[0]!.shape);
    case 'Cast':
      return draft.specOf(inputs[0]!).dtype === outputs[0]!.dtype ? inputs[0] : undefined;
    case 'BatchMatMulV2':
      return matrixProduct(draft, node);
    case 'Sum':
      return sumOfMatrix(draft, node);
    case 'Mul':
      return (
        reluGradient(draft, node, inputs[0]!, inputs[1]!) ?? reluGradient(draft, node, inputs[1]!, inputs[0]!)
      );
    default:
      return ELEMENTWISE.has(op) ? withoutBatch(draft, node) : undefined;
  }
}

const ELEMENTWISE = new Set([
  ...['Add', 'AddV2', 'ReluGrad', 'Relu', 'Relu6', 'Elu', 'Selu', 'LeakyRelu'],
  ...['Sigmoid', 'Tanh', 'Softplus', 'Exp', 'Neg'],
]);

/** MatMul for a product of matrices that has no batch, or a batch of one. */
function matrixProduct(draft: ProgramBuilder, node: OpNode): ValueRef | undefined {
  const { attributes, inputs, outputs } = node;
  const output = outputs[0]!;
  const matrix = (shape: readonly number[]) => shape.slice(-2);
  const single = [...inputs.map((input) => draft.specOf(input)), output].every(
    ({ shape }) => shape.length === 2 || (shape.length === 3 && shape[0] === 1),
  );
  if (!single) return undefined;
  const operands = inputs.map((input) => draft.reshape(node, input, matrix(draft.specOf(input).shape)));
  const { T, adj_x, adj_y } = attributes;
  const product = draft.op(node, 'MatMul', { T: T!, transpose_a: adj_x!, transpose_b: adj_y! }, operands, {
    dtype: output.dtype,
    shape: matrix(output.shape),
  });
  return draft.reshape(node, product, output.shape);
}

/** Does on [m, n] what would be done on [1, m, n]. */
function withoutBatch(draft: ProgramBuilder, node: OpNode): ValueRef | undefined {
  const { dtype, shape } = node.outputs[0]!;
  const batched = node.inputs.map((input) => isBatchOfOne(draft, input));
  const others = node.inputs.filter((_, index) => !batched[index]);
  if (shape.length !== 3 || shape[0] !== 1 || !batched.includes(true)) return undefined;
  if (others.some((input) => draft.specOf(input).shape.length > 2)) return undefined;
  const inputs = node.inputs.map((input, index) =>
    batched[index] ? draft.reshape(node, input, draft.specOf(input).shape.slice(1)) : input,
  );
  const result = draft.op(node, node.op, node.attributes, inputs, { dtype, shape: shape.slice(1) });
  return draft.reshape(node, result, shape);
}

/** Whether a value is [m, n] wrapped as [1, m, n]. */
function isBatchOfOne(draft: ProgramBuilder, value: ValueRef): boolean {
  const { shape } = draft.specOf(value);
  return draft.producer(value, 'Reshape') !== undefined && shape.length === 3 && shape[0] === 1;
}

/** The sum of [1, m, n] over its first two axes as that of [m, n] over its first. */
function sumOfMatrix(draft: ProgramBuilder, node: OpNode): ValueRef | undefined {
  const [value, axes] = node.inputs as [ValueRef, ValueRef];
  const batch = draft.specOf(value).shape;
  if (!isBatchOfOne(draft, value)) return undefined;
  if (draft.constant(axes)?.values.join() !== '0,1' || node.outputs[0]!.shape.length !== 1) return undefined;
  const first = draft.add({
    kind: 'constant',
    values: Int32Array.of(0),
    outputs: [{ dtype: 'int32', shape: [1] }],
  });
  const inputs = [draft.reshape(node, value, batch.slice(1)), { node: first, output: 0 }];
  return draft.op(node, 'Sum', node.attributes, inputs, node.outputs[0]!);
}

/** tfjs' gradient * step(x), where step(x) = select(isNaN(x), x, select(x > 0, 1, 0)). */
function reluGradient(
  draft: ProgramBuilder,
  node: OpNode,
  gradient: ValueRef,
  step: ValueRef,
): ValueRef | undefined {
  const outer = draft.producer(step, 'Select');
  const inner = outer && draft.producer(outer.inputs[2]!, 'Select');
  const nan = outer && draft.producer(outer.inputs[0]!, 'IsNan');
  const positive = inner && draft.producer(inner.inputs[0]!, 'Greater');
  if (!outer || !inner || !nan || !positive) return undefined;
  const x = outer.inputs[1]!;
  const same = (value: ValueRef) => value.node === x.node && value.output === x.output;
  const filled = (value: ValueRef, wanted: number) =>
    draft.constant(value)?.values.every((one: number) => one === wanted) ?? isFill(draft, value, wanted);
  const fits =
    same(nan.inputs[0]!) &&
    same(positive.inputs[0]!) &&
    filled(positive.inputs[1]!, 0) &&
    filled(inner.inputs[1]!, 1) &&
    filled(inner.inputs[2]!, 0);
  const spec = draft.specOf(x);
  if (!fits || spec.dtype !== 'float32' || !sameShape(draft.specOf(gradient).shape, spec.shape))
    return undefined;
  const own: OpNode = {
    ...node,
    op: 'ReluGrad',
    attributes: { T: { type: 'float32' } },
    inputs: [gradient, x],
    outputs: [spec],
  };
  return withoutBatch(draft, own) ?? draft.op(own, own.op, own.attributes, own.inputs, spec);
}

function isFill(draft: ProgramBuilder, value: ValueRef, wanted: number): boolean {
  const fill = draft.producer(value, 'Fill');
  return fill !== undefined && draft.constant(fill.inputs[1]!)?.values[0] === wanted;
}

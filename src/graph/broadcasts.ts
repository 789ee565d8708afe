/**
 * Part of step 2, simplify: broadcasts as late as possible. tfjs often repeats a small tensor to the shape of a large one
 * before it combines them. Elementwise ops run on the small tensor instead, and repeat it themselves.
 */
import type { Attributes } from '../tensorflow/index.ts';
import type { OpNode, ValueRef } from './program.ts';
import { type ProgramBuilder, sameShape } from './program-builder.ts';

/** Elementwise ops whose operands may have different shapes, and those that have one operand. */
const ELEMENTWISE = new Set([
  ...['Add', 'AddV2', 'Sub', 'Mul', 'RealDiv', 'Maximum', 'Minimum', 'Pow', 'SquaredDifference'],
  ...['Abs', 'Cast', 'Exp', 'Log', 'Neg', 'Reciprocal', 'Rsqrt', 'Sigmoid', 'Sqrt', 'Square', 'Tanh'],
]);

/** `BroadcastTo` in place of an op that only repeats its input along axes of size 1; otherwise undefined. */
export function asBroadcast(builder: ProgramBuilder, node: OpNode): ValueRef | undefined {
  if (node.op === 'Mul') {
    const [a, b] = node.inputs as [ValueRef, ValueRef];
    if (isAllOnes(builder, b)) return broadcast(builder, node, a);
    return isAllOnes(builder, a) ? broadcast(builder, node, b) : undefined;
  }
  const [value] = node.inputs as [ValueRef];
  const { shape } = builder.specOf(value);
  const result = node.outputs[0]!.shape;
  const repeatsOnes = shape.every((size, axis) => size === 1 || size === result[axis]);
  return node.op === 'Tile' && repeatsOnes ? broadcast(builder, node, value) : undefined;
}

/** An elementwise op on the small tensors, broadcast afterwards. Undefined if no operand was broadcast. */
export function beforeBroadcasts(builder: ProgramBuilder, node: OpNode): ValueRef | undefined {
  if (!ELEMENTWISE.has(node.op)) return undefined;
  const inputs = node.inputs.map((input) => builder.producer(input, 'BroadcastTo')?.inputs[0] ?? input);
  if (inputs.every((input, index) => input === node.inputs[index])) return undefined;
  const { dtype } = node.outputs[0]!;
  const shape = broadcastShape(inputs.map((input) => builder.specOf(input).shape));
  const result = builder.addOp(node, node.op, node.attributes, inputs, { dtype, shape });
  return broadcast(builder, node, result);
}

/** `value` in the shape of the output of `node`. */
function broadcast(builder: ProgramBuilder, node: OpNode, value: ValueRef): ValueRef {
  const { dtype, shape } = builder.specOf(value);
  const result = node.outputs[0]!.shape;
  if (sameShape(shape, result)) return value;
  const attributes: Attributes = { T: { type: dtype }, Tidx: { type: 'int32' } };
  const output = { dtype, shape: result };
  return builder.addOp(node, 'BroadcastTo', attributes, [value, builder.addInt32(result)], output);
}

/** The shape of an elementwise op. Shapes are aligned at their last axes; a size of 1 or a missing axis is repeated. */
function broadcastShape(shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(...shapes.map((shape) => shape.length));
  return Array.from({ length: rank }, (_, axis) => {
    const sizes = shapes.map((shape) => shape[shape.length - rank + axis] ?? 1);
    return sizes.find((size) => size !== 1) ?? 1;
  });
}

function isAllOnes(builder: ProgramBuilder, value: ValueRef): boolean {
  return builder.constant(value)?.values.every((element: number) => element === 1) ?? false;
}

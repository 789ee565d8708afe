import type { OpNode, Program, ValueRef } from './program.ts';
import { liveNodes } from './program.ts';

/**
 * Roughly how many floating-point operations one run of a program takes: two for each multiplication of a matrix product
 * or convolution, and one for each element that another op returns.
 */
export function countOperations(program: Program): number {
  const live = liveNodes(program);
  let operations = 0;
  program.nodes.forEach((node, index) => {
    if (live[index] && node.kind === 'op') operations += operationsOf(node, program);
  });
  return operations;
}

function operationsOf(node: OpNode, program: Program): number {
  const shapeOf = ({ node: index, output }: ValueRef) => program.nodes[index]!.outputs[output]!.shape;
  const [output] = node.outputs.map(({ shape }) => shape);
  if (!output) return 0;
  const inputs = node.inputs.map(shapeOf);
  if (/MatMul/.test(node.op)) {
    const { transpose_a: transposed, adj_x: adjoint } = node.attributes;
    const isTransposed = [transposed, adjoint].some((flag) => flag && 'bool' in flag && flag.bool);
    return 2 * size(output) * inputs[0]!.at(isTransposed ? -2 : -1)!;
  }
  if (/Conv|Depthwise/.test(node.op)) {
    const filter = /BackpropFilter/.test(node.op) ? output : inputs[1]!;
    const result = /Backprop/.test(node.op) ? inputs[2]! : output;
    // Each element of the result is a sum over the filter of its channel.
    return (2 * size(result) * size(filter)) / result.at(-1)!;
  }
  return size(output);
}

const size = (shape: readonly number[]) => shape.reduce((product, length) => product * length, 1);

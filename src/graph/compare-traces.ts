import type { OpNode, Program, ProgramNode } from './program.ts';

/** How two recordings of one function differ, as a sentence that names the layer or the op; undefined when they agree. */
export function compareTraces(first: Program, second: Program): string | undefined {
  const count = Math.min(first.nodes.length, second.nodes.length);
  for (let index = 0; index < count; index++) {
    const one = first.nodes[index]!;
    const other = second.nodes[index]!;
    if (one.kind === 'constant' && other.kind === 'constant') {
      if (!sameSpec(one, other)) return otherPath(one);
      if (!sameValues(one.values, other.values)) return frozenConstant(second, index);
    } else if (JSON.stringify(one) !== JSON.stringify(other)) {
      return otherPath(other);
    }
  }
  if (first.nodes.length !== second.nodes.length)
    return otherPath(first.nodes[count] ?? second.nodes[count]!);
  if (JSON.stringify(bindings(first)) !== JSON.stringify(bindings(second))) {
    return 'the step gives or assigns other tensors the second time it runs, so it cannot be recorded; use --engine eager';
  }
  return undefined;
}

function frozenConstant(program: Program, index: number): string {
  const user = program.nodes.find(
    (node): node is OpNode => node.kind === 'op' && node.inputs.some((input) => input.node === index),
  );
  const layer = program.nodes[index]!.layer ?? user?.layer;
  const place = layer ? `layer '${layer}'` : `op ${user?.op ?? 'of the result'}`;
  return `${place} uses values that JavaScript makes anew in each run (random or counted), which a recorded step would freeze; use --engine eager, or a layer known to be random such as Dropout`;
}

function otherPath(node: ProgramNode): string {
  const place = node.layer
    ? `in layer '${node.layer}'`
    : node.kind === 'op'
      ? `at op ${node.op}`
      : 'at its inputs';
  return `the step runs other ops the second time (${place}), so it cannot be recorded; use --engine eager`;
}

const sameSpec = (one: ProgramNode, other: ProgramNode) =>
  JSON.stringify(one.outputs) === JSON.stringify(other.outputs);

const bindings = ({ inputs, variables, outputs, assignments }: Program) => [
  inputs,
  variables,
  outputs,
  assignments,
];

function sameValues(one: ArrayLike<number>, other: ArrayLike<number>): boolean {
  if (one.length !== other.length) return false;
  for (let index = 0; index < one.length; index++) {
    if (!Object.is(one[index], other[index])) return false;
  }
  return true;
}

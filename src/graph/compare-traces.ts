import type { OpNode, Program, ProgramNode } from './program.ts';

/**
 * Compares two recordings (traces) of one function. They are equal unless the function depends on something
 * that a program does not hold, such as random numbers made in JavaScript, a counter, or the time.
 *
 * @returns why the function cannot be recorded, in one line that names the layer or op; undefined if the
 *   traces are equal
 */
export function compareTraces(first: Program, second: Program): string | undefined {
  const count = Math.min(first.nodes.length, second.nodes.length);
  for (let index = 0; index < count; index++) {
    const [a, b] = [first.nodes[index]!, second.nodes[index]!];
    if (a.kind === 'constant' && b.kind === 'constant') {
      if (JSON.stringify(a.outputs) !== JSON.stringify(b.outputs)) return differentOps(a);
      if (!sameValues(a.values, b.values)) return changingConstant(second, index);
    } else if (JSON.stringify(a) !== JSON.stringify(b)) {
      return differentOps(b);
    }
  }
  const extra = first.nodes[count] ?? second.nodes[count];
  if (extra) return differentOps(extra);
  if (JSON.stringify(interfaceOf(first)) !== JSON.stringify(interfaceOf(second))) {
    return 'the function: returns or assigns different tensors on its second run; run it eagerly';
  }
  return undefined;
}

/** The constant is named by its layer, or by the op that uses it. */
function changingConstant(program: Program, index: number): string {
  const user = program.nodes.find(
    (node): node is OpNode => node.kind === 'op' && node.inputs.some((input) => input.node === index),
  );
  const layer = program.nodes[index]!.layer ?? user?.layer;
  const place = layer ? `layer '${layer}'` : user ? `op ${user.op}` : 'the function';
  return `${place}: uses values from JavaScript that change on every run (random or counted), which a recording would freeze; run it eagerly, or use a random layer of tfjs such as Dropout`;
}

function differentOps(node: ProgramNode): string {
  const op = node.kind === 'op' ? `at op ${node.op}` : 'at its inputs';
  const place = node.layer ? `in layer '${node.layer}'` : op;
  return `the function: runs different ops on its second run (starting ${place}); run it eagerly`;
}

/** Everything in a program except its nodes. */
const interfaceOf = ({ inputs, variables, outputs, assignments }: Program) => [
  inputs,
  variables,
  outputs,
  assignments,
];

/** Bit for bit, so that NaN equals NaN and 0 does not equal -0. */
function sameValues(a: ArrayLike<number>, b: ArrayLike<number>): boolean {
  if (a.length !== b.length) return false;
  for (let index = 0; index < a.length; index++) if (!Object.is(a[index], b[index])) return false;
  return true;
}

import { type Iteration, liveNodes } from '../../graph/index.ts';
import type { RecordedStep } from './compiled-step.ts';
import type { StepParts } from './compiled-turn.ts';

/** Values from which on a copy of a weight costs more than waiting for all that read it. */
const LARGE_WEIGHT = 100_000;

/**
 * Gives a scalar of the update anew, as one that depends on every reader of a large weight that the weight's gradient
 * does not wait for, such as the product that hands the gradient down a layer. Without that XLA would keep a
 * copy of the weight for them in each step.
 *
 * @param names the graph's nodes for those of the program
 */
export function afterReaders(
  { graph, step }: StepParts,
  turn: Iteration,
  scalar: string,
  names: ReadonlyMap<number, string>,
): string {
  const float = { T: { type: 'float32' } } as const;
  const int32 = (values: readonly number[]) =>
    turn.constant({ dtype: 'int32', shape: [values.length] }, Int32Array.from(values));
  const zero = turn.constant({ dtype: 'float32', shape: [] }, Float32Array.of(0));
  return lateReaders(step).reduce((value, { node, rank }) => {
    const [begin, size] = [new Array<number>(rank).fill(0), new Array<number>(rank).fill(1)];
    const part = graph.add('Slice', [names.get(node)!, int32(begin), int32(size)], {
      ...float,
      Index: { type: 'int32' },
    });
    const element = graph.add('Reshape', [part, int32([])], { ...float, Tshape: { type: 'int32' } });
    // Never true, which XLA does not see; nor does it spread infinities and NaN, as a product with 0 would.
    const never = graph.add('LogicalAnd', [
      graph.add('Less', [element, zero], float),
      graph.add('Greater', [element, zero], float),
    ]);
    const nothing = graph.add('Cast', [never], {
      SrcT: { type: 'bool' },
      DstT: { type: 'float32' },
      Truncate: { bool: false },
    });
    return graph.add('AddV2', [value, nothing], float);
  }, scalar);
}

interface Reader {
  readonly node: number;
  readonly rank: number;
}

function lateReaders({ program, moved, variableNames, weights }: RecordedStep): Reader[] {
  const live = liveNodes(program);
  return moved.flatMap((name, index) => {
    if (weights.get(name)!.size < LARGE_WEIGHT) return [];
    const variable = variableNames.indexOf(name);
    const weight = program.nodes.findIndex((node) => node.kind === 'variable' && node.index === variable);
    const before = liveNodes(program, [program.outputs[1 + index]!]);
    return program.nodes.flatMap((node, reader) => {
      if (node.kind !== 'op' || !live[reader] || before[reader]) return [];
      const { dtype, shape } = node.outputs[0]!;
      const reads = node.inputs.some((input) => input.node === weight);
      return reads && dtype === 'float32' ? [{ node: reader, rank: shape.length }] : [];
    });
  });
}

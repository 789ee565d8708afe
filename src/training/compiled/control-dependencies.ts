/** Part of step 2 of the compiled engines (see engine.ts): makes XLA update large weights in place. */
import { liveNodes } from '../../graph/index.ts';
import type { IterationBuilder } from './iteration-builder.ts';
import type { RecordedStep } from './record-step.ts';

/** From this many values on, copying a weight takes longer than waiting for everything that reads it. */
const LARGE_WEIGHT = 100_000;

/**
 * Returns a scalar with the same value that depends on all late reads of large weights: reads that do not lead to the
 * weight's own gradient, such as the product that passes the gradient on to the layer below. An update that uses the
 * scalar then waits for them, and XLA updates the weight in place. Otherwise XLA copies the weight at each step, for
 * the late reads. Control inputs do not help: XLA orders ops by the values that they use alone.
 *
 * @param scalar a scalar of the update, [] float32
 * @param nodeNames the graph's nodes by their index in the program
 */
export function waitForLateReads(
  builder: IterationBuilder,
  scalar: string,
  nodeNames: ReadonlyMap<number, string>,
): string {
  const { graph, context } = builder;
  const float32 = { T: { type: 'float32' } } as const;
  const zero = builder.float32(0);
  return lateReads(context.step).reduce((sum, { node, rank }) => {
    const begin = builder.int32(new Array<number>(rank).fill(0));
    const size = builder.int32(new Array<number>(rank).fill(1));
    const slice = graph.add('Slice', [nodeNames.get(node)!, begin, size], {
      ...float32,
      Index: { type: 'int32' },
    });
    const element = builder.reshape(slice, 'float32', builder.int32([]));
    // Adds (x < 0 and x > 0), always 0, which XLA does not simplify. x * 0 would be NaN for infinities and NaN.
    const never = graph.add('LogicalAnd', [
      graph.add('Less', [element, zero], float32),
      graph.add('Greater', [element, zero], float32),
    ]);
    return graph.add('AddV2', [sum, builder.cast(never, 'bool', 'float32')], float32);
  }, scalar);
}

interface LateRead {
  /** The node that reads, by its index in the program. */
  readonly node: number;
  /** The rank of its output. */
  readonly rank: number;
}

function lateReads({ program, updatedWeights, variableNames, weights }: RecordedStep): LateRead[] {
  const live = liveNodes(program);
  return updatedWeights.flatMap((name, index) => {
    if (weights.get(name)!.size < LARGE_WEIGHT) return [];
    const variable = variableNames.indexOf(name);
    const weight = program.nodes.findIndex((node) => node.kind === 'variable' && node.index === variable);
    const gradient = program.outputs[1 + index]!;
    const beforeGradient = liveNodes(program, [gradient]);
    return program.nodes.flatMap((node, reader) => {
      if (node.kind !== 'op' || !live[reader] || beforeGradient[reader]) return [];
      const { dtype, shape } = node.outputs[0]!;
      const readsWeight = node.inputs.some((input) => input.node === weight);
      return readsWeight && dtype === 'float32' ? [{ node: reader, rank: shape.length }] : [];
    });
  });
}

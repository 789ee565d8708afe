import { TensorFlowError } from '../../errors.ts';
import { GraphBuilder } from './graph-builder.ts';
import { DamagedCacheError, Session } from './session.ts';

let isStarted = false;

/**
 * Compiles a trivial graph, once per process. XLA splits kernels, in all that it compiles in a process, for the number of
 * threads of the first session that it compiles for. Call this before a session with fewer threads than the others uses XLA.
 *
 * Does nothing if XLA cannot compile the graph: the caller's session then fails in the same way.
 */
export function startXlaOnSharedThreads(): void {
  if (isStarted) return;
  isStarted = true;
  for (let attempt = 1; attempt <= 2; attempt++) {
    try {
      runTrivialGraph();
      return;
    } catch (error) {
      if (!(error instanceof TensorFlowError)) throw error;
      if (!(error instanceof DamagedCacheError)) return;
      // The damaged entry of XLA's cache has been removed, so the second attempt compiles.
    }
  }
}

function runTrivialGraph(): void {
  const graph = new GraphBuilder();
  const input = graph.placeholder('input', { dtype: 'float32', shape: [] });
  const type = { T: { type: 'float32' } } as const;
  const negated = graph.cluster('start', () => graph.add('Neg', [input], type));
  graph.identity(graph.add('XlaClusterOutput', [negated], type), 'float32', 'output');
  const session = new Session(graph.nodes);
  try {
    session.execute({ input: { dtype: 'float32', shape: [], values: Float32Array.of(0) } }, ['output']);
  } finally {
    session.dispose();
  }
}

import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/tensorflow/index.ts';
import { recordStep } from '../../../src/training/compiled/record-step.ts';
import { buildTrainingGraph } from '../../../src/training/compiled/training-graph.ts';
import { largestRelativeDifference, lossesOf } from '../../helpers/engines.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

/** Two layers of `units`. The gradient of the first one's output reads the kernel of the second one again. */
function wideTask(units: number) {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 5 });
  const layers = [units, units].map((size) => tf.layers.dense({ units: size, kernelInitializer }));
  return smallTask({
    model: smallNet({ layers }),
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-4 },
  });
}

/** Each late read that the update waits for is compared with 0, the only use of Greater in this graph. */
function countLateReads(units: number): number {
  const graph = new GraphBuilder();
  const task = wideTask(units);
  buildTrainingGraph(graph, recordStep(task), task, { xla: 'cpu', capacity: 8 });
  return graph.nodes.filter(({ op }) => op === 'Greater').length;
}

test('the update waits for the one late read of a large weight, and for none of small weights', () => {
  expect([countLateReads(320), countLateReads(20)]).toEqual([1, 0]);
});

test('a net with large weights trains with XLA as it does eagerly', () => {
  const eager = lossesOf('eager', wideTask(320), 30);
  const xla = lossesOf('xla', wideTask(320), 30);
  // float32 rounding, over 30 steps
  expect(largestRelativeDifference(xla, eager)).toBeLessThan(1e-5);
});

import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { GraphBuilder } from '../../../src/tensorflow/native/graph-builder.ts';
import { buildTrainingGraph } from '../../../src/training/engines/compiled-graph.ts';
import { recordStep } from '../../../src/training/engines/compiled-step.ts';
import { largestRelativeDifference, lossesOf } from '../../helpers/engines.ts';
import { smallNet, smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice();

/** Two wide layers: the kernel of the second is read once more for the gradient of the first. */
function wideTask(units: number) {
  const kernelInitializer = tf.initializers.glorotUniform({ seed: 5 });
  const layers = [units, units].map((size) => tf.layers.dense({ units: size, kernelInitializer }));
  return smallTask({
    model: smallNet({ layers }),
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-4 },
  });
}

function comparisons(units: number): number {
  const graph = new GraphBuilder();
  const task = wideTask(units);
  buildTrainingGraph(graph, recordStep(task), task, { xla: 'cpu', stepsPerIteration: 1, capacity: 8 });
  return graph.nodes.filter(({ op }) => op === 'Greater').length;
}

test('the update of a large weight waits for the one product that reads it late', () => {
  expect([comparisons(320), comparisons(20)]).toEqual([1, 0]);
});

test('a net with large weights trains with XLA as it does eagerly', () => {
  const losses = ['eager', 'xla'].map((kind) => lossesOf(kind as 'eager' | 'xla', wideTask(320), 30));
  expect(largestRelativeDifference(losses[1]!, losses[0]!)).toBeLessThan(1e-5);
});

import { readdirSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { loadTensorFlow } from '../../../src/tensorflow/index.ts';
import { createEngine } from '../../../src/training/index.ts';
import { rowsOf } from '../../helpers/engines.ts';
import { withSeededWeights } from '../../helpers/seeded-weights.ts';
import { smallTask } from '../../helpers/small-task.ts';

beforeAll(async () => {
  await loadTensorFlow({ device: 'cpu' });
});

/** A network for the images of `smallTask`; a step of a wide one takes more than 40 million operations. */
function task(units: number) {
  const layers = [
    tf.layers.dense({
      inputShape: smallTask().model.inputs[0]!.shape.slice(1) as number[],
      units,
      activation: 'relu',
    }),
    tf.layers.dense({ units, activation: 'relu' }),
    tf.layers.dense({ units: 10 }),
  ];
  return smallTask({ model: withSeededWeights(tf.sequential({ layers })) });
}

/**
 * Creates and disposes an engine.
 *
 * @returns tells how many threads of the process have ended since; Linux lists a thread until shortly after its end
 */
function endedThreads(name: 'graph' | 'xla', units: number): () => number {
  const engine = createEngine(name, task(units), { steps: 4 });
  const before = readdirSync('/proc/self/task').length;
  engine.dispose();
  return () => before - readdirSync('/proc/self/task').length;
}

const small = 8;
const large = 1024;

test.each(['graph', 'xla'] as const)('%s runs a small step on a thread of its own', async (name) => {
  await expect.poll(endedThreads(name, small), { timeout: 60_000 }).toBe(1);
});

test('a large step runs on the threads that all graphs share', () => {
  expect(endedThreads('graph', large)()).toBe(0);
});

test('a small step runs on the threads that the user has set', () => {
  process.env.TF_NUM_INTRAOP_THREADS = '2';
  onTestFinished(() => {
    delete process.env.TF_NUM_INTRAOP_THREADS;
  });
  expect(endedThreads('graph', small)()).toBe(0);
});

test('a small step gives the same bits before and after a large one', () => {
  const losses = () => {
    const subject = task(64);
    const engine = createEngine('xla', subject, { steps: 8 });
    onTestFinished(() => engine.dispose());
    return engine.run(rowsOf(subject, 8));
  };
  const first = losses();
  endedThreads('graph', large);
  expect(losses()).toEqual(first);
});

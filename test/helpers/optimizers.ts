import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import type { Engine, OptimizerConfig, TrainingTask } from '../../src/training/index.ts';
import { largestDifference } from './parity.ts';

export interface OptimizerCase {
  readonly name: string;
  readonly config: OptimizerConfig;
  /** The weights that torch.optim computes, by number of steps: the kernel [3, 4], then the bias [4]. */
  readonly after: Readonly<Record<string, readonly number[]>>;
}

interface Fixture {
  readonly initial: readonly number[];
  readonly gradients: readonly (readonly number[])[];
  readonly cases: readonly OptimizerCase[];
}

const fixture: Fixture = JSON.parse(
  readFileSync(new URL('../fixtures/optimizers/optimizers.json', import.meta.url), 'utf8'),
);

export const optimizerCases = fixture.cases;

/** Returns a task with one dense layer, in which the gradient of a step on row k is the fixture's k-th gradient. */
export function gradientTask(optimizer: OptimizerConfig): TrainingTask {
  const layer = tf.layers.dense({ name: 'dense', units: 4, inputShape: [3] });
  const model = tf.sequential({ layers: [layer] });
  tf.tidy(() => {
    const kernel = tf.tensor2d([...fixture.initial.slice(0, 12)], [3, 4]);
    layer.setWeights([kernel, tf.tensor1d([...fixture.initial.slice(12)])]);
  });
  const [kernel, bias] = layer.weights.map((weight) => weight.read()) as [tf.Tensor, tf.Tensor];
  const { gradients } = fixture;
  return {
    model,
    batchSize: 1,
    optimizer,
    seed: 0,
    data: {
      rows: gradients.length,
      inputs: [{ values: Float32Array.from(gradients.flat()), featureShape: [16] }],
      labels: { values: new Int32Array(gradients.length), featureShape: [] },
    },
    // The loss is the sum of weight x gradient, whose gradient is that gradient.
    loss: ([gradient]) => {
      const [ofKernel, ofBias] = tf.split(gradient!.reshape([16]), [12, 4]) as [tf.Tensor, tf.Tensor];
      return tf.sum(kernel.mul(ofKernel.reshape([3, 4]))).add(tf.sum(bias.mul(ofBias))) as tf.Scalar;
    },
  };
}

/**
 * Runs an engine of a `gradientTask` to each step of a case. Returns the largest difference to torch.optim's weights.
 */
export function differenceFromTorch(
  engine: Engine,
  { model }: TrainingTask,
  { after }: OptimizerCase,
): number {
  let done = 0;
  let largest = 0;
  for (const [step, expected] of Object.entries(after)) {
    engine.run(Int32Array.from({ length: Number(step) - done }, (_, index) => done + index));
    done = Number(step);
    engine.syncModel();
    const weights = model.getWeights().flatMap((weight) => [...weight.dataSync()]);
    largest = Math.max(largest, largestDifference(weights, expected));
  }
  return largest;
}

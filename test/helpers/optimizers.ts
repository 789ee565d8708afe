import { readFileSync } from 'node:fs';
import * as tf from '@tensorflow/tfjs';
import type { OptimizerConfig, TrainingTask } from '../../src/training/index.ts';

export interface OptimizerCase {
  readonly name: string;
  readonly config: OptimizerConfig;
  /** Weights after so many steps: the kernel [3, 4], then the bias [4]. */
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

/** A task of one dense layer whose gradient in the step on row k is the k-th of the fixture, exactly. */
export function taskOfGradients(optimizer: OptimizerConfig): TrainingTask {
  const layer = tf.layers.dense({ name: 'dense', units: 4, inputShape: [3] });
  const model = tf.sequential({ layers: [layer] });
  tf.tidy(() => {
    const kernel = tf.tensor2d([...fixture.initial.slice(0, 12)], [3, 4]);
    layer.setWeights([kernel, tf.tensor1d([...fixture.initial.slice(12)])]);
  });
  const [kernel, bias] = layer.weights.map((weight) => weight.read());
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
    loss: ([gradient]) => {
      const [ofKernel, ofBias] = tf.split(gradient!.reshape([16]), [12, 4]);
      const parts = [tf.sum(kernel!.mul(ofKernel!.reshape([3, 4]))), tf.sum(bias!.mul(ofBias!))];
      return parts[0]!.add(parts[1]!) as tf.Scalar;
    },
  };
}

/** The weights of such a task's model, as the fixture has them. */
export function weightsOf({ model }: TrainingTask): number[] {
  return model.getWeights().flatMap((weight) => [...weight.dataSync()]);
}

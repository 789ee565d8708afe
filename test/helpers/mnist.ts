import type * as tf from '@tensorflow/tfjs';
import { evaluate } from '../../src/inference/index.ts';
import { perClass } from '../../src/metrics/index.ts';
import { loadMnist, type Mnist } from '../../src/mnist-data-loader/index.ts';
import { mnistNormalization } from '../../src/models/index.ts';

let loading: Promise<Mnist> | undefined;

/** MNIST, loaded once for the tests of a file. */
export function mnist(): Promise<Mnist> {
  loading ??= loadMnist();
  return loading;
}

/** Wrong answers of a model on the test set, digit by digit. */
export async function wrongCounts(model: tf.LayersModel): Promise<number[]> {
  const { test } = await mnist();
  return perClass(evaluate(model, test, { normalization: mnistNormalization })).map(({ errors }) => errors);
}

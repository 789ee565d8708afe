import * as tf from '@tensorflow/tfjs';
import type { ImageDataset } from '../../src/data/index.ts';
import { mnistNormalization as normalization } from '../../src/models/index.ts';
import { createRandom } from '../../src/random.ts';
import {
  type ClassificationOptions,
  classificationTask,
  type TrainingTask,
} from '../../src/training/index.ts';

/** Images of 4 x 4 pixels. The class, 0 to 2, is the row that is bright; the other pixels are dark noise. */
export function stripes(count = 60): ImageDataset {
  const random = createRandom(7);
  const labels = Uint8Array.from({ length: count }, (_, index) => index % 3);
  const images = Uint8Array.from({ length: count * 16 }, (_, index) => {
    const row = Math.floor((index % 16) / 4);
    return row === labels[Math.floor(index / 16)]! ? 200 + random.below(56) : random.below(100);
  });
  return { images, labels, count, height: 4, width: 4, classes: 3 };
}

/**
 * A classifier for `stripes`: dense layers `hidden` [8] and `out` [units], with seeded weights.
 *
 * @param options.layers are applied to the input, before `hidden`
 */
export function smallNet(
  options: { seed?: number; inputShape?: number[]; layers?: tf.layers.Layer[]; units?: number } = {},
): tf.Sequential {
  const { seed = 1, inputShape = [16], layers = [], units = 3 } = options;
  const dense = (name: string, outputs: number, activation?: 'tanh') =>
    tf.layers.dense({
      name,
      units: outputs,
      activation,
      kernelInitializer: tf.initializers.glorotUniform({ seed: seed + outputs }),
    });
  return tf.sequential({
    layers: [
      tf.layers.inputLayer({ inputShape }),
      ...layers,
      ...(inputShape.length > 1 ? [tf.layers.flatten()] : []),
      dense('hidden', 8, 'tanh'),
      dense('out', units),
    ],
  });
}

/** Training `smallNet` on `stripes` with Adam, six images per step. */
export function smallTask(options: Partial<ClassificationOptions> = {}): TrainingTask {
  return classificationTask({
    model: smallNet(),
    dataset: stripes(),
    normalization,
    batchSize: 6,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-2 },
    seed: 0,
    ...options,
  });
}

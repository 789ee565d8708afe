import * as tf from '@tensorflow/tfjs';
import type { ImageDataset } from '../../src/mnist-data-loader/index.ts';
import { mnistNormalization as normalization } from '../../src/models/index.ts';
import { createRandom } from '../../src/random.ts';
import { classificationTask, type TrainingTask } from '../../src/training/index.ts';

/** Images of 4 x 4 pixels whose class, 0 to 2, shows as a bright row; noise elsewhere. */
export function stripes(count = 60): ImageDataset {
  const random = createRandom(7);
  const labels = Uint8Array.from({ length: count }, (_, index) => index % 3);
  const images = Uint8Array.from({ length: count * 16 }, (_, index) => {
    const row = Math.floor((index % 16) / 4);
    return row === labels[Math.floor(index / 16)]! ? 200 + random.below(56) : random.below(100);
  });
  return { images, labels, count, height: 4, width: 4, classes: 3 };
}

/** A net of two layers with seeded weights for `stripes`. */
export function smallNet(
  options: { seed?: number; inputShape?: number[]; layers?: tf.layers.Layer[]; units?: number } = {},
) {
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

/** Teaching the small net the stripes, six at a time, with Adam. */
export function smallTask(options: Partial<Parameters<typeof classificationTask>[0]> = {}): TrainingTask {
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

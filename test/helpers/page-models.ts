import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { injectLora } from '../../src/graph-models/index.ts';
import { savePeft } from '../../src/peft/index.ts';
import { saveGraphModel } from '../../src/runs/index.ts';
import { graphModel, placeholder } from './graph-models.ts';
import { storedModel, writeLayersModel } from './layers-model.ts';
import { withSeededWeights } from './seeded-weights.ts';

/** Writes the models and the adapter that the pages of the documentation load. */
export async function writePageModels(folder: string): Promise<void> {
  const { conv2d, dense, flatten, globalAveragePooling2d, lstm } = tf.layers;
  const write = async (name: string, layers: tf.layers.Layer[]) => {
    await writeLayersModel(
      join(folder, name),
      await storedModel(withSeededWeights(tf.sequential({ layers }))),
    );
  };
  await write('my-model', [
    flatten({ inputShape: [28, 28, 1] }),
    dense({ name: 'hidden', units: 16, activation: 'relu' }),
    dense({ name: 'out', units: 10, activation: 'softmax' }),
  ]);
  // docs/lora.md names its layers and weights.
  tf.serialization.registerClass(Attention);
  await write('sequence-model', [
    lstm({ name: 'lstm', inputShape: [3, 2], units: 4, returnSequences: true }),
    new Attention({ name: 'attention' }),
    flatten(),
    dense({ name: 'hidden', units: 4 }),
    dense({ name: 'out', units: 2 }),
  ]);
  await write('mobilenet-layers', [
    conv2d({ inputShape: [224, 224, 3], filters: 1280, kernelSize: 1, strides: 224 }),
    globalAveragePooling2d({ name: 'global_average_pooling2d' }),
    dense({ units: 3 }),
  ]);
  await writeGraphModel(folder);
}

/** Mixes each position by a product with the sum of three matrices. */
class Attention extends tf.layers.Layer {
  static className = 'Attention';
  private projections!: tf.LayerVariable;

  override build([, , width]: number[]): void {
    const initializer = tf.initializers.zeros();
    this.projections = this.addWeight('projections', [3, width!, width!], 'float32', initializer);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    const [x] = [inputs].flat() as [tf.Tensor3D];
    return tf.tidy(() => tf.einsum('bij,kjl->bil', x, this.projections.read()));
  }
}

/** A GraphModel in `mobilenet` with the shapes of MobileNet, and an adapter for it in `corners`. */
async function writeGraphModel(folder: string): Promise<void> {
  const model = await graphModel({
    nodes: [
      ['images', 'Placeholder', [], placeholder([-1, 224, 224, 3])],
      ['pooled', 'Mean', ['images', 'axes']],
      ['predict/feature_vector', 'MatMul', ['pooled', 'features']],
      ['logits', 'MatMul', ['predict/feature_vector', 'classifier']],
    ],
    weights: {
      axes: tf.tensor1d([1, 2], 'int32'),
      features: tf.randomNormal([3, 1280], 0, 1, 'float32', 1),
      classifier: tf.randomNormal([1280, 3], 0, 1, 'float32', 2),
    },
    outputs: ['logits'],
  });
  await saveGraphModel(model, join(folder, 'mobilenet'));
  await savePeft(injectLora(model, { rank: 2 }), join(folder, 'corners'));
}

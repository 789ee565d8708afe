import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { injectLora, mergeLora, unloadLora } from '../../src/lora/index.ts';
import { cloneModel, namedLayers, namedModels } from '../../src/models/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { functionalModel, sequential } from './models.ts';

useDevice();

/** Paths of the layers and models that are frozen. */
const frozen = (model: tf.LayersModel) => [
  ...namedLayers(model).flatMap(({ path, layer }) =>
    layer.trainable || layer.weights.length === 0 ? [] : [path],
  ),
  ...namedModels(model).flatMap((named) => (named.model.trainable ? [] : [named.path])),
];

async function saveAndLoad(model: tf.LayersModel): Promise<tf.LayersModel> {
  let artifacts: tf.io.ModelArtifacts | undefined;
  const handler = tf.io.withSaveHandler(async (saved) => {
    artifacts = saved;
    return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
  });
  await model.save(handler);
  return await tf.loadLayersModel(tf.io.fromMemory(artifacts!));
}

test('unloading and merging restore which layers the caller had frozen', async () => {
  const base = sequential(
    tf.layers.lstm({ name: 'memory', inputShape: [3, 2], units: 4 }),
    tf.layers.dense({ name: 'my_Hidden', units: 3, trainable: false }),
    tf.layers.dense({ name: 'out', units: 2 }),
  );
  base.getLayer('memory').trainable = false;
  expect(frozen(base)).toEqual(['memory', 'my_Hidden']);
  const adapted = injectLora(base, { rank: 1 });
  expect(adapted.trainableWeights).toHaveLength(8); // A and B of two kernels and two dense layers
  for (const model of [adapted, cloneModel(adapted), await saveAndLoad(adapted)]) {
    expect(frozen(unloadLora(model))).toEqual(['memory', 'my_Hidden']);
    expect(frozen(mergeLora(model))).toEqual(['memory', 'my_Hidden']);
  }
});

test('layers that were not frozen are trainable after unloading', () => {
  const base = sequential(
    tf.layers.lstm({ name: 'memory', inputShape: [3, 2], units: 4 }),
    tf.layers.dense({ name: 'out', units: 2 }),
  );
  expect(frozen(unloadLora(injectLora(base, { rank: 1 })))).toEqual([]);
});

test('frozen models stay frozen in clones and after unloading, and their adapters train', () => {
  const base = functionalModel();
  (base.getLayer('nested') as unknown as tf.LayersModel).trainable = false;
  expect(frozen(cloneModel(base))).toEqual(['nested']);
  const adapted = injectLora(base, { rank: 1 });
  expect(adapted.trainableWeights).toHaveLength(8);
  expect(frozen(unloadLora(adapted))).toEqual(['nested']);
  base.trainable = false;
  const allFrozen = injectLora(base, { rank: 1 });
  expect(allFrozen.trainableWeights).toHaveLength(8);
  const unloaded = unloadLora(allFrozen);
  expect(unloaded.trainableWeights).toHaveLength(0);
  expect(frozen(unloaded)).toContain('');
});

import * as tf from '@tensorflow/tfjs';

/** Saves a model as tfjs does and loads it again from what would be on disk. */
export async function reload(model: tf.LayersModel): Promise<tf.LayersModel> {
  const artifacts = await new Promise<tf.io.ModelArtifacts>((resolve, reject) => {
    const handler = tf.io.withSaveHandler(async (saved) => {
      resolve(saved);
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    });
    model.save(handler).catch(reject);
  });
  const modelTopology = JSON.parse(JSON.stringify(artifacts.modelTopology));
  return tf.loadLayersModel(tf.io.fromMemory({ ...artifacts, modelTopology }));
}

import * as tf from '@tensorflow/tfjs';

const { layers } = tf;

/** Every engine starts from the same weights. */
const seeded = () => tf.initializers.glorotUniform({ seed: 3 });
const kernel = () => ({ kernelInitializer: seeded() });
const recurrent = () => ({ units: 3, ...kernel(), recurrentInitializer: seeded() });
const filter = () => ({ depthwiseInitializer: seeded(), pointwiseInitializer: seeded() });
const dense = (units: number, options: object = {}) => layers.dense({ units, ...kernel(), ...options });
const reshape = (...targetShape: number[]) => layers.reshape({ targetShape });
const conv2d = () => layers.conv2d({ filters: 2, kernelSize: 2, padding: 'same', ...kernel() });

/** Returns a factory of models that map images [batch, 4, 4, 1] through some layers to logits [batch, 3]. */
function through(middle: () => tf.layers.Layer[]): () => tf.LayersModel {
  return () => {
    const input = layers.inputLayer({ inputShape: [4, 4, 1] });
    const model = tf.sequential({ layers: [input, ...middle()] });
    if (model.outputs[0]!.shape.length > 2) model.add(layers.flatten());
    model.add(dense(3));
    return model;
  };
}

/** A model for each kind of layer, small enough for XLA to compile it quickly. */
export const layerKinds: Readonly<Record<string, () => tf.LayersModel>> = {
  dense: through(() => [
    layers.flatten(),
    dense(4, { activation: 'elu' }),
    dense(4, { activation: 'softplus' }),
  ]),
  'conv1d and its pooling': through(() => [
    reshape(8, 2),
    layers.conv1d({ filters: 2, kernelSize: 3, ...kernel() }),
    layers.maxPooling1d({ poolSize: 2 }),
  ]),
  'conv2d and max pooling': through(() => [conv2d(), layers.maxPooling2d({ poolSize: 2 })]),
  'average pooling': through(() => [conv2d(), layers.averagePooling2d({ poolSize: 2 })]),
  'global pooling': through(() => [conv2d(), layers.globalAveragePooling2d({})]),
  conv3d: through(() => [reshape(4, 2, 2, 1), layers.conv3d({ filters: 2, kernelSize: 2, ...kernel() })]),
  'depthwise and separable convolution': through(() => [
    layers.depthwiseConv2d({ kernelSize: 2, depthMultiplier: 2, ...filter() }),
    layers.separableConv2d({ filters: 2, kernelSize: 2, ...filter() }),
  ]),
  'batch normalization': through(() => [layers.flatten(), dense(4), layers.batchNormalization()]),
  'batch normalization of images': through(() => [conv2d(), layers.batchNormalization()]),
  'layer normalization': through(() => [layers.flatten(), dense(4), layers.layerNormalization()]),
  embedding: through(() => [
    layers.flatten(),
    layers.embedding({ inputDim: 256, outputDim: 2, embeddingsInitializer: seeded() }),
  ]),
  lstm: through(() => [reshape(4, 4), layers.lstm(recurrent())]),
  gru: through(() => [reshape(4, 4), layers.gru(recurrent())]),
  'shared layers': () => {
    const input = tf.input({ shape: [4, 4, 1] });
    const flat = layers.flatten().apply(input) as tf.SymbolicTensor;
    const shared = dense(16, { activation: 'tanh' });
    const twice = shared.apply(shared.apply(flat)) as tf.SymbolicTensor;
    const sum = layers.add().apply([flat, twice]) as tf.SymbolicTensor;
    return tf.model({ inputs: input, outputs: dense(3).apply(sum) as tf.SymbolicTensor });
  },
  regularizers: through(() => [
    layers.flatten(),
    dense(4, {
      kernelRegularizer: tf.regularizers.l1l2({ l1: 0.01, l2: 0.01 }),
      biasRegularizer: tf.regularizers.l2({ l2: 0.1 }),
    }),
  ]),
};

/** A model for each layer that draws random numbers. Repeated runs of a step must draw the same ones. */
export const randomLayers: Readonly<Record<string, () => tf.LayersModel>> = {
  Dropout: through(() => [layers.flatten(), dense(4), layers.dropout({ rate: 0.4 })]),
  'Dropout with a seed': through(() => [layers.flatten(), dense(4), layers.dropout({ rate: 0.4, seed: 1 })]),
  SpatialDropout1D: through(() => [reshape(4, 4), layers.spatialDropout1d({ rate: 0.4 })]),
  GaussianNoise: through(() => [layers.flatten(), dense(4), layers.gaussianNoise({ stddev: 0.2 })]),
  GaussianDropout: through(() => [layers.flatten(), dense(4), layers.gaussianDropout({ rate: 0.2 })]),
  AlphaDropout: through(() => [layers.flatten(), dense(4), layers.alphaDropout({ rate: 0.2 })]),
  'recurrent dropout': through(() => [
    reshape(4, 4),
    layers.lstm({ ...recurrent(), dropout: 0.3, recurrentDropout: 0.3 }),
  ]),
};

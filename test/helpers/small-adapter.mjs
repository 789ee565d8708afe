/**
 * Injects, trains and merges a small adapter of a LayersModel, and one of a GraphModel, in Node or in a page, and returns the numbers of each step.
 *
 * @param {object} libraries
 * @param {typeof import('@tensorflow/tfjs')} libraries.tf
 * @param {typeof import('../../src/api/index.ts')} libraries.api
 * @param {typeof import('../../src/api/lora.ts')} libraries.lora
 */
export async function trainSmallAdapter({ tf, api, lora }) {
  const kernel = (/** @type {number} */ inputs, /** @type {number} */ units) =>
    tf.tensor2d(
      Float32Array.from({ length: inputs * units }, (_, i) => Math.sin(i)),
      [inputs, units],
    );
  const base = tf.sequential({
    layers: [
      tf.layers.dense({ inputShape: [6], units: 5, activation: 'tanh', name: 'hidden' }),
      tf.layers.dense({ units: 3, name: 'out' }),
    ],
  });
  base.setWeights([kernel(6, 5), tf.zeros([5]), kernel(5, 3), tf.zeros([3])]);
  const model = api.injectLora(base, { rank: 2, alpha: 4, seed: 1 });
  const task = api.trainingTask({
    model,
    data: {
      rows: 12,
      inputs: [{ values: Float32Array.from({ length: 72 }, (_, i) => Math.cos(i)), featureShape: [6] }],
      labels: { values: Int32Array.from({ length: 12 }, (_, i) => i % 3), featureShape: [] },
    },
    batchSize: 4,
    optimizer: { rule: { kind: 'adam' }, learningRate: 0.05 },
    seed: 0,
  });
  /** @type {string[]} */
  const notes = [];
  const engine = api.createEngine('graph', task, { steps: 30, note: (line) => notes.push(line) });
  const sampler = {
    take: (/** @type {number} */ start, /** @type {number} */ count) =>
      Int32Array.from({ length: count }, (_, i) => (start + i) % 12),
  };
  const { meanLoss } = await api.trainToEnd({ task, engine, sampler, steps: 30 });
  const input = tf.ones([1, 6]);
  const outputs = (/** @type {import('@tensorflow/tfjs').LayersModel} */ m) => [
    .../** @type {import('@tensorflow/tfjs').Tensor} */ (m.predict(input)).dataSync(),
  ];
  const messageOf = (/** @type {Promise<unknown>} */ call) => call.then(String, ({ message }) => message);
  return {
    engine: engine.name,
    notes,
    meanLoss,
    trainable: api.loraSummary(model).trainableParameters,
    areLoraLayers: model.layers.map((layer) => lora.isLoraLayer(layer)),
    adapted: outputs(model),
    merged: outputs(api.mergeLora(model)),
    graph: await trainGraphAdapter({ tf, api }),
    failures: await Promise.all([
      messageOf(api.finetune(/** @type {never} */ ({}))),
      messageOf(api.loadPeft(model, 'nowhere')),
    ]),
  };
}

/**
 * Trains an adapter on a convolution and a matrix product with a bias and a ReLU, merges it, and loads the saved result.
 *
 * @param {object} libraries
 * @param {typeof import('@tensorflow/tfjs')} libraries.tf
 * @param {typeof import('../../src/api/index.ts')} libraries.api
 */
async function trainGraphAdapter({ tf, api }) {
  const base = await tf.loadGraphModel(tf.io.fromMemory(smallGraph()));
  const model = api.injectLora(base, { rank: 2, alpha: 4, seed: 1 });
  const x = tf.tensor(
    Float32Array.from({ length: 64 }, (_, i) => Math.cos(i)),
    [2, 4, 4, 2],
  );
  const target = tf.ones([2, 3]);
  const outputs = (/** @type {import('@tensorflow/tfjs').GraphModel} */ graph) =>
    /** @type {import('@tensorflow/tfjs').Tensor} */ (graph.predict(x));
  const before = [...outputs(model).dataSync()];
  const optimizer = tf.train.sgd(0.1);
  const variables = model.trainableWeights.map(
    (weight) => /** @type {import('@tensorflow/tfjs').Variable} */ (weight.read()),
  );
  const loss = () => tf.losses.meanSquaredError(target, outputs(model)).asScalar();
  for (let step = 0; step < 5; step++) optimizer.minimize(loss, false, variables);
  /** @type {import('@tensorflow/tfjs').io.ModelArtifacts | undefined} */
  let saved;
  await api.mergeLora(model).save(
    tf.io.withSaveHandler(async (artifacts) => {
      saved = artifacts;
      return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
    }),
  );
  const plain = await tf.loadGraphModel(
    tf.io.fromMemory(/** @type {import('@tensorflow/tfjs').io.ModelArtifacts} */ (saved)),
  );
  return {
    base: [...outputs(base).dataSync()],
    before,
    trained: [...outputs(model).dataSync()],
    merged: [...outputs(plain).dataSync()],
  };
}

/** Maps images [batch, 4, 4, 2] to [batch, 3]. */
function smallGraph() {
  const shape = (/** @type {number[]} */ ...sizes) => ({ dim: sizes.map((size) => ({ size: `${size}` })) });
  const float = { type: 'DT_FLOAT' };
  const weightSpecs = [
    { name: 'filter', shape: [3, 3, 2, 4], dtype: /** @type {const} */ ('float32') },
    { name: 'kernel', shape: [64, 3], dtype: /** @type {const} */ ('float32') },
    { name: 'bias', shape: [3], dtype: /** @type {const} */ ('float32') },
    { name: 'flat', shape: [2], dtype: /** @type {const} */ ('int32') },
  ];
  const constants = weightSpecs.map(({ name, shape: sizes, dtype }) => {
    const type = dtype === 'int32' ? 'DT_INT32' : 'DT_FLOAT';
    const value = { tensor: { dtype: type, tensorShape: shape(...sizes) } };
    return { name, op: 'Const', attr: { dtype: { type }, value } };
  });
  const convolution = {
    strides: { list: { i: ['1', '1', '1', '1'] } },
    dilations: { list: { i: ['1', '1', '1', '1'] } },
    padding: { s: btoa('SAME') },
    data_format: { s: btoa('NHWC') },
  };
  const fused = { fused_ops: { list: { s: [btoa('BiasAdd'), btoa('Relu')] } }, num_args: { i: '1' } };
  const node = [
    ...constants,
    { name: 'x', op: 'Placeholder', attr: { dtype: float, shape: { shape: shape(-1, 4, 4, 2) } } },
    { name: 'conv', op: 'Conv2D', input: ['x', 'filter'], attr: convolution },
    { name: 'row', op: 'Reshape', input: ['conv', 'flat'] },
    { name: 'y', op: '_FusedMatMul', input: ['row', 'kernel', 'bias'], attr: fused },
  ];
  const floats = Float32Array.from({ length: 72 + 192 + 3 }, (_, i) => Math.sin(i) / 4 + 0.05);
  const bytes = new Uint8Array(floats.byteLength + 8);
  bytes.set(new Uint8Array(floats.buffer));
  bytes.set(new Uint8Array(Int32Array.of(-1, 64).buffer), floats.byteLength);
  return {
    format: 'graph-model',
    modelTopology: { node, versions: { producer: 1 }, library: {} },
    weightSpecs,
    weightData: bytes.buffer,
  };
}

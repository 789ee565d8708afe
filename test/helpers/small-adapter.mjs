/**
 * Injects, trains and merges a small adapter, in Node or in a page, and returns the numbers of each step.
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
    failures: await Promise.all([
      messageOf(api.finetune(/** @type {never} */ ({}))),
      messageOf(api.loadPeft(model, 'nowhere')),
    ]),
  };
}

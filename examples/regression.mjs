// A network predicts the heating power of a building from the weather. For a new building there are 60 days of readings.
//
//     node examples/regression.mjs
//
// Uses only plain TensorFlow.js around the adapter: `compile`, `fit`, `predict`, `save`. The adapter is saved in PEFT's
// format, and the merged model as a plain LayersModel.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { injectLora, loadPeft, loadTensorFlow, loraSummary, mergeLora, savePeft } from 'tfjs-lora';

await loadTensorFlow();

const BUILDINGS = {
  known: { insulation: 1.5, windows: 0.3 },
  new: { insulation: 0.8, windows: 0.9 },
};

/**
 * Returns days of readings: weather [days, 3] (outside temperature, wind and sun, scaled to -1..1) and the heating
 * power of a building [days, 1] in units of 10 kW.
 */
function readings(days, { insulation, windows }, seed) {
  return tf.tidy(() => {
    const weather = tf.randomUniform([days, 3], -1, 1, 'float32', seed);
    const [outside, wind, sun] = tf.split(weather, 3, 1);
    const loss = tf.mul(tf.sub(1, outside), tf.add(tf.mul(wind, 0.3), 1 / insulation));
    const gain = tf.mul(tf.relu(sun), windows);
    return { weather, power: tf.relu(tf.sub(loss, gain)) };
  });
}

/** Maps weather [batch, 3] to power [batch, 1]. */
function buildModel() {
  const seeded = (seed) => tf.initializers.glorotUniform({ seed });
  return tf.sequential({
    layers: [
      tf.layers.dense({
        name: 'first',
        inputShape: [3],
        units: 32,
        activation: 'tanh',
        kernelInitializer: seeded(1),
      }),
      tf.layers.dense({ name: 'second', units: 32, activation: 'tanh', kernelInitializer: seeded(2) }),
      tf.layers.dense({ name: 'power', units: 1, kernelInitializer: seeded(3) }),
    ],
  });
}

async function train(model, { weather, power }, batchSize, epochs) {
  model.compile({ optimizer: tf.train.adam(1e-2), loss: 'meanSquaredError' });
  // The days are random already; `fit` would shuffle them with unseeded numbers.
  await model.fit(weather, power, { epochs, batchSize, shuffle: false, verbose: 0 });
}

/** Mean absolute error in kW on days that were not trained on. */
function errorOf(model, building) {
  return tf.tidy(() => {
    const { weather, power } = readings(500, building, 1234);
    return 10 * tf.mean(tf.abs(tf.sub(model.predict(weather), power))).dataSync()[0];
  });
}

function printErrors(title, model) {
  const kilowatts = (building) => `${errorOf(model, building).toFixed(2)} kW`;
  console.log(
    `${title}: error ${kilowatts(BUILDINGS.known)} in known buildings, ${kilowatts(BUILDINGS.new)} in the new one`,
  );
}

const base = buildModel();
await train(base, readings(1000, BUILDINGS.known, 1), 50, 25);
printErrors('base', base);

// The last layer has one output, which limits its rank to 1.
const adapted = injectLora(base, { rank: 2, alpha: 4, rankPattern: { power: 1 }, bias: 'all' });
const { trainableParameters, baseParameters } = loraSummary(adapted);
console.log(`the adapter trains ${trainableParameters} parameters; the base has ${baseParameters}`);
await train(adapted, readings(60, BUILDINGS.new, 2), 20, 150);
printErrors('adapted', adapted);
printErrors('base, unchanged', base);

// The adapter is saved, loaded onto the base and merged. The merged model is saved and loaded as a plain LayersModel.
const folder = await mkdtemp(join(tmpdir(), 'regression-'));
try {
  await savePeft(adapted, folder);
  const merged = mergeLora(await loadPeft(base, folder));
  const artifacts = await new Promise((resolve) => {
    merged.save(tf.io.withSaveHandler(async (saved) => resolve(saved)));
  });
  printErrors('loaded and merged', await tf.loadLayersModel(tf.io.fromMemory(artifacts)));
} finally {
  await rm(folder, { recursive: true });
}

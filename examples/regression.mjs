// A network predicts the heating power of buildings from the weather. A new building has 60 days of readings.
//
//     node examples/regression.mjs
//
// Plain TensorFlow.js throughout: `compile`, `fit`, `predict`, `save`. The adapter is kept in PEFT's files, and
// the merged model is an ordinary one.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { injectLora, loadPeft, loadTensorFlow, loraSummary, mergeLora, savePeft } from 'tfjs-lora';

await loadTensorFlow();

/** Days of weather: outside temperature, wind, sun, all about -1..1; and the power a building took, in units of 10 kW. */
function readings(days, { insulation, windows }, seed) {
  return tf.tidy(() => {
    const weather = tf.randomUniform([days, 3], -1, 1, 'float32', seed);
    const [outside, wind, sun] = tf.split(weather, 3, 1);
    const loss = tf.mul(tf.sub(1, outside), tf.add(tf.mul(wind, 0.3), 1 / insulation));
    const gain = tf.mul(tf.relu(sun), windows);
    return { weather, power: tf.relu(tf.sub(loss, gain)) };
  });
}
const known = { insulation: 1.5, windows: 0.3 };
const newcomer = { insulation: 0.8, windows: 0.9 };

const base = tf.sequential({
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

function seeded(seed) {
  return tf.initializers.glorotUniform({ seed });
}

async function teach(model, { weather, power }, batchSize, epochs) {
  model.compile({ optimizer: tf.train.adam(1e-2), loss: 'meanSquaredError' });
  await model.fit(weather, power, { epochs, batchSize, verbose: 0 });
}

/** Mean absolute error in kW on days that were not trained on. */
function errorOf(model, building) {
  return tf.tidy(() => {
    const { weather, power } = readings(500, building, 1234);
    return 10 * tf.mean(tf.abs(tf.sub(model.predict(weather), power))).dataSync()[0];
  });
}
const show = (title, model) =>
  console.log(
    `${title}: off by ${errorOf(model, known).toFixed(2)} kW in known buildings, ${errorOf(model, newcomer).toFixed(2)} kW in the new one`,
  );

await teach(base, readings(1000, known, 1), 50, 25);
show('base', base);

// The head has one output, so its rank can only be 1.
const adapted = injectLora(base, { rank: 2, alpha: 4, rankPattern: { power: 1 }, bias: 'all' });
const { trainableParameters, baseParameters } = loraSummary(adapted);
console.log(`the adapter trains ${trainableParameters} values; the base has ${baseParameters}`);
await teach(adapted, readings(60, newcomer, 2), 20, 150);
show('adapted', adapted);
show('base, untouched', base);

// Saved as PEFT would, loaded onto the base, merged, saved as a plain model: what comes out is the same.
const folder = await mkdtemp(join(tmpdir(), 'regression-'));
try {
  await savePeft(adapted, folder);
  const merged = mergeLora(await loadPeft(base, folder));
  const artifacts = await new Promise((resolve) => {
    merged.save(tf.io.withSaveHandler(async (saved) => resolve(saved)));
  });
  show('loaded and merged', await tf.loadLayersModel(tf.io.fromMemory(artifacts)));
} finally {
  await rm(folder, { recursive: true });
}

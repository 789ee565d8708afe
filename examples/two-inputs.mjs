// A model with two inputs predicts how somebody likes a film: from the person's profile and the film's number.
// Two countries have tastes of their own.
//
//     node examples/two-inputs.mjs
//
// One model serves both: an adapter per country, swapped in an instant, or mixed for a border town.
import * as tf from '@tensorflow/tfjs';
import {
  addAdapter,
  combineAdapters,
  createEngine,
  injectLora,
  loadTensorFlow,
  loraSummary,
  setActiveAdapters,
  trainingTask,
  trainToEnd,
} from 'tfjs-lora';
import { shuffledSampler } from 'tfjs-lora/mnist-data-loader';

await loadTensorFlow();

const FILMS = 50;
const PROFILE = 6;

/** Repeatable numbers in 0..1. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Ratings: a taste shared by all, and a country's own shift of how profiles meet genres. */
function ratings(country, rows, seed) {
  const random = randomNumbers(seed);
  const profiles = Float32Array.from({ length: rows * PROFILE }, () => 2 * random() - 1);
  const films = Int32Array.from({ length: rows }, () => Math.floor(random() * FILMS));
  const values = Float32Array.from({ length: rows }, (_, row) => {
    const profile = profiles.subarray(row * PROFILE, (row + 1) * PROFILE);
    const taste = profile.reduce((sum, trait, index) => sum + trait * Math.sin(films[row] * (index + 1)), 0);
    const shift = { everywhere: 0, north: 1, south: -1 }[country];
    return taste + shift * profile[0] * Math.cos(films[row]) * 2;
  });
  return {
    rows,
    inputs: [
      { values: profiles, featureShape: [PROFILE] },
      { values: films, featureShape: [1] },
    ],
    labels: { values, featureShape: [] },
  };
}

function buildModel() {
  const profile = tf.input({ name: 'profile', shape: [PROFILE] });
  const film = tf.input({ name: 'film', shape: [1], dtype: 'int32' });
  const embedded = tf.layers.embedding({ name: 'films', inputDim: FILMS, outputDim: 16 }).apply(film);
  const genre = tf.layers.flatten().apply(embedded);
  const both = tf.layers.concatenate().apply([profile, genre]);
  const hidden = tf.layers.dense({ name: 'hidden', units: 64, activation: 'tanh' }).apply(both);
  const second = tf.layers.dense({ name: 'second', units: 32, activation: 'tanh' }).apply(hidden);
  const rating = tf.layers.dense({ name: 'rating', units: 1 }).apply(second);
  return tf.model({ inputs: [profile, film], outputs: rating });
}

async function train(model, data, steps) {
  const task = trainingTask({
    model,
    data,
    loss: 'mean-squared-error',
    batchSize: 32,
    optimizer: { rule: { kind: 'adam' }, learningRate: 5e-3 },
    seed: 0,
  });
  const engine = createEngine('auto', task, { steps });
  await trainToEnd({ task, engine, sampler: shuffledSampler({ rows: data.rows, seed: 0 }), steps });
  engine.dispose();
}

/** Root mean squared error on ratings that were not trained on. */
function errorOf(model, country) {
  return tf.tidy(() => {
    const { rows, inputs, labels } = ratings(country, 1000, 99);
    const [profiles, films] = inputs.map(({ values, featureShape }) =>
      tf.tensor(values, [rows, ...featureShape]),
    );
    const predicted = model.predict([profiles, films]).flatten();
    return tf.sqrt(tf.mean(tf.squaredDifference(predicted, labels.values))).dataSync()[0];
  });
}
const show = (title, model) =>
  console.log(
    `${title}: error in the north ${errorOf(model, 'north').toFixed(3)}, in the south ${errorOf(model, 'south').toFixed(3)}`,
  );

const base = buildModel();
await train(base, ratings('everywhere', 8000, 1), 1500);
show('base', base);

// Rank 1 is all that a layer of one output allows; the others get more.
const config = { rank: 4, alpha: 8, rankPattern: { rating: 1 } };
const model = injectLora(base, config, { adapter: 'north' });
addAdapter(model, 'south', config);
const north = loraSummary(model).layers.filter((layer) => layer.adapter === 'north');
console.log(`each country trains ${north.reduce((sum, layer) => sum + layer.trainableParameters, 0)} values`);

for (const [index, country] of ['north', 'south'].entries()) {
  setActiveAdapters(model, [country]);
  await train(model, ratings(country, 4000, 10 + index), 800);
}
for (const country of ['north', 'south']) {
  setActiveAdapters(model, [country]);
  show(`adapter ${country}`, model);
}

combineAdapters(model, {
  name: 'border',
  type: 'cat',
  adapters: [
    { name: 'north', weight: 0.5 },
    { name: 'south', weight: 0.5 },
  ],
});
setActiveAdapters(model, ['border']);
show('half of each', model);

setActiveAdapters(model, []);
show('no adapter', model);

// A model with two inputs, a person's profile and a film's number, predicts how the person rates the film.
// Two regions rate differently: the north likes other films, and in the south other people are generous.
//
//     node examples/two-inputs.mjs
//
// One model serves both regions with one adapter each. A border town, whose ratings are half northern and half
// southern, is served by a combination of the two adapters without further training.
import * as tf from '@tensorflow/tfjs';
import {
  addAdapter,
  addWeightedAdapter,
  createEngine,
  injectLora,
  loadTensorFlow,
  loraSummary,
  setActiveAdapters,
  trainingTask,
  trainToEnd,
} from 'tfjs-lora';
import { shuffledSampler } from 'tfjs-lora/data';

await loadTensorFlow();

const FILMS = 50;
const TRAITS = 6;
/** How northern and how southern the ratings of a place are. */
const PLACES = {
  elsewhere: { north: 0, south: 0 },
  north: { north: 1, south: 0 },
  south: { north: 0, south: 1 },
  border: { north: 0.5, south: 0.5 },
};

/** Returns a generator of repeatable numbers in 0..1. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** Ratings of random films by random people of a place. */
function ratings(place, rows, seed) {
  const random = randomNumbers(seed);
  const profiles = Float32Array.from({ length: rows * TRAITS }, () => 2 * random() - 1);
  const films = Int32Array.from({ length: rows }, () => Math.floor(random() * FILMS));
  const { north, south } = PLACES[place];
  const values = Float32Array.from({ length: rows }, (_, row) => {
    const profile = profiles.subarray(row * TRAITS, (row + 1) * TRAITS);
    const taste = profile.reduce((sum, trait, index) => sum + trait * Math.sin(films[row] * (index + 1)), 0);
    return taste + north * Math.cos(films[row]) + south * (profile[0] + profile[1]);
  });
  return {
    rows,
    inputs: [
      { values: profiles, featureShape: [TRAITS] },
      { values: films, featureShape: [1] },
    ],
    labels: { values, featureShape: [] },
  };
}

/** Maps profiles [batch, 6] and film numbers [batch, 1] to ratings [batch, 1]. */
function buildModel() {
  const dense = (name, units, seed, activation) =>
    tf.layers.dense({
      name,
      units,
      activation,
      kernelInitializer: tf.initializers.glorotUniform({ seed }),
    });
  const embedding = tf.layers.embedding({
    name: 'films',
    inputDim: FILMS,
    outputDim: 16,
    embeddingsInitializer: tf.initializers.randomUniform({ minval: -0.05, maxval: 0.05, seed: 1 }),
  });
  const profile = tf.input({ name: 'profile', shape: [TRAITS] });
  const film = tf.input({ name: 'film', shape: [1], dtype: 'int32' });
  const features = tf.layers.flatten().apply(embedding.apply(film));
  const both = tf.layers.concatenate().apply([profile, features]);
  const hidden = dense('hidden', 64, 2, 'tanh').apply(both);
  const second = dense('second', 32, 3, 'tanh').apply(hidden);
  return tf.model({ inputs: [profile, film], outputs: dense('rating', 1, 4).apply(second) });
}

async function train(model, data, { steps, learningRate }) {
  const task = trainingTask({
    model,
    data,
    loss: 'mean-squared-error',
    batchSize: 32,
    optimizer: { rule: { kind: 'adam' }, learningRate },
    seed: 0,
  });
  const engine = createEngine('auto', task, { steps });
  await trainToEnd({ task, engine, sampler: shuffledSampler({ rows: data.rows, seed: 0 }), steps });
  engine.dispose();
}

/** Root mean squared error on ratings that were not trained on. */
function errorOf(model, place) {
  return tf.tidy(() => {
    const { rows, inputs, labels } = ratings(place, 1000, 99);
    const [profiles, films] = inputs.map(({ values, featureShape }) =>
      tf.tensor(values, [rows, ...featureShape]),
    );
    const predicted = model.predict([profiles, films]).flatten();
    return tf.sqrt(tf.mean(tf.squaredDifference(predicted, labels.values))).dataSync()[0];
  });
}

function printErrors(title, model) {
  const errors = ['north', 'south', 'border'].map((place) => `${place} ${errorOf(model, place).toFixed(2)}`);
  console.log(`${title}: error ${errors.join(', ')}`);
}

const base = buildModel();
await train(base, ratings('elsewhere', 8000, 1), { steps: 1500, learningRate: 5e-3 });
printErrors('base', base);

// The last layer has one output, which limits its rank to 1.
const config = { rank: 4, alpha: 8, rankPattern: { rating: 1 } };
const model = injectLora(base, config, { adapter: 'north' });
addAdapter(model, 'south', config);
const layers = loraSummary(model).layers.filter(({ adapter }) => adapter === 'north');
const parameters = layers.reduce((sum, layer) => sum + layer.trainableParameters, 0);
console.log(`each adapter trains ${parameters} parameters`);

setActiveAdapters(model, ['north']);
await train(model, ratings('north', 4000, 10), { steps: 800, learningRate: 2e-3 });
printErrors('north adapter', model);

setActiveAdapters(model, ['south']);
await train(model, ratings('south', 4000, 11), { steps: 800, learningRate: 2e-3 });
printErrors('south adapter', model);

addWeightedAdapter(model, {
  name: 'border',
  type: 'cat',
  adapters: [
    { name: 'north', weight: 0.5 },
    { name: 'south', weight: 0.5 },
  ],
});
setActiveAdapters(model, ['border']);
printErrors('half of each', model);

setActiveAdapters(model, []);
printErrors('no adapter', model);

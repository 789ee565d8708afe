// A small decoder-only transformer learns to write sentences, letter by letter. Adapters on the query and value projections of
// its attention then teach it two other styles, and are exchanged while it runs.
//
//     node examples/transformer.mjs
//
// The text is generated. It takes a few minutes on a CPU; STEPS=20 is a quick try.
import * as tf from '@tensorflow/tfjs';
import {
  addAdapter,
  createEngine,
  injectLora,
  loadTensorFlow,
  loraSummary,
  setActiveAdapters,
  trainingTask,
  trainToEnd,
} from 'tfjs-lora';
import { shuffledSampler } from 'tfjs-lora/data';

const STEPS = Number(process.env.STEPS ?? 800);
const [CONTEXT, WIDTH, HEADS, BLOCKS] = [48, 64, 4, 2];
const LETTERS = 'abcdefghijklmnopqrstuvwxyz. ';

const words = {
  noun: ['captain', 'river', 'garden', 'window', 'horse', 'engine', 'doctor', 'island'],
  adjective: ['old', 'quiet', 'green', 'small', 'strange', 'cold', 'bright', 'lazy'],
  verb: ['sees', 'follows', 'paints', 'forgets', 'finds', 'likes'],
};
/** The order of words in a sentence of each style. */
const styles = {
  plain: ['the', 'adjective', 'noun', 'verb', 'the', 'adjective', 'noun'],
  'noun-first': ['the', 'noun', 'adjective', 'verb', 'the', 'noun', 'adjective'],
  telegram: ['adjective', 'noun', 'verb', 'adjective', 'noun'],
};

/** Random numbers from 0 to 1 (mulberry32), so that each run gives the same text. */
function randomNumbers(seed) {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let value = Math.imul(state ^ (state >>> 15), 1 | state);
    value = (value + Math.imul(value ^ (value >>> 7), 61 | value)) ^ value;
    return ((value ^ (value >>> 14)) >>> 0) / 2 ** 32;
  };
}

function writeText(style, sentences, seed) {
  const random = randomNumbers(seed);
  const pick = (kind) => words[kind]?.[Math.floor(words[kind].length * random())] ?? kind;
  return Array.from({ length: sentences }, () => `${styles[style].map(pick).join(' ')}. `).join('');
}

/** The style that a sentence follows, if there is one. */
function styleOf(sentence) {
  const found = sentence.trim().split(' ');
  const follows = ([, kinds]) =>
    kinds.length === found.length &&
    kinds.every((kind, index) => (words[kind] ?? [kind]).includes(found[index]));
  return Object.entries(styles).find(follows)?.[0];
}

/** Adds a trained vector for each position. */
class Positions extends tf.layers.Layer {
  static className = 'Positions';

  build([, length, width]) {
    const initializer = tf.initializers.randomNormal({ stddev: 0.02, seed: 1 });
    this.vectors = this.addWeight('vectors', [length, width], 'float32', initializer);
    this.built = true;
  }

  call(inputs) {
    return tf.tidy(() => tf.add([inputs].flat()[0], this.vectors.read()));
  }
}

/** Self-attention of several heads, in which each position looks at itself and those before. */
class CausalAttention extends tf.layers.Layer {
  static className = 'CausalAttention';

  constructor({ heads, seed, ...config }) {
    super(config);
    Object.assign(this, { heads, seed });
  }

  build([, , width]) {
    const add = (name, index) => {
      const initializer = tf.initializers.glorotUniform({ seed: this.seed + index });
      return [name, this.addWeight(name, [width, width], 'float32', initializer)];
    };
    this.projections = Object.fromEntries(['query', 'key', 'value', 'result'].map(add));
    this.built = true;
  }

  call(inputs) {
    return tf.tidy(() => {
      const x = [inputs].flat()[0];
      const [batch, length, width] = x.shape;
      const project = (values, name) =>
        tf.matMul(tf.reshape(values, [-1, width]), this.projections[name].read());
      const split = (name) => {
        const values = tf.reshape(project(x, name), [batch, length, this.heads, width / this.heads]);
        return tf.transpose(values, [0, 2, 1, 3]);
      };
      const [query, key, value] = ['query', 'key', 'value'].map(split);
      const scores = tf.div(tf.matMul(query, key, false, true), Math.sqrt(width / this.heads));
      const later = tf.sub(1, tf.linalg.bandPart(tf.ones([length, length]), -1, 0));
      const mixed = tf.matMul(tf.softmax(tf.sub(scores, tf.mul(later, 1e9))), value);
      const joined = tf.transpose(mixed, [0, 2, 1, 3]);
      return tf.reshape(project(joined, 'result'), x.shape);
    });
  }

  getConfig() {
    return { ...super.getConfig(), heads: this.heads, seed: this.seed };
  }
}

// injectLora rebuilds a model from its configuration, so tfjs has to know the classes.
tf.serialization.registerClass(Positions);
tf.serialization.registerClass(CausalAttention);

/** Maps letters [batch, CONTEXT] to logits of the next letter at each position [batch, CONTEXT, letters]. */
function buildTransformer() {
  const seeded = (seed) => tf.initializers.glorotUniform({ seed });
  const dense = (units, seed, options) =>
    tf.layers.dense({ units, kernelInitializer: seeded(seed), ...options });
  const input = tf.input({ shape: [CONTEXT], dtype: 'int32' });
  const embedding = tf.layers.embedding({
    inputDim: LETTERS.length,
    outputDim: WIDTH,
    embeddingsInitializer: tf.initializers.randomNormal({ stddev: 0.02, seed: 2 }),
  });
  let x = new Positions({ name: 'positions' }).apply(embedding.apply(input));
  for (let block = 0; block < BLOCKS; block++) {
    const attention = new CausalAttention({ name: `attention${block}`, heads: HEADS, seed: 10 * block + 3 });
    const attended = attention.apply(tf.layers.layerNormalization().apply(x));
    x = tf.layers.add().apply([x, attended]);
    const inner = dense(4 * WIDTH, 10 * block + 7, { activation: 'relu' });
    const outer = dense(WIDTH, 10 * block + 8);
    x = tf.layers.add().apply([x, outer.apply(inner.apply(tf.layers.layerNormalization().apply(x)))]);
  }
  const logits = dense(LETTERS.length, 9).apply(tf.layers.layerNormalization().apply(x));
  return tf.model({ inputs: input, outputs: logits });
}

/** Trains the trainable weights of a model on a text. */
async function train(model, text, steps, learningRate) {
  const letters = Int32Array.from(text, (letter) => LETTERS.indexOf(letter));
  const rows = letters.length - CONTEXT;
  const windows = (offset) =>
    Int32Array.from({ length: rows * CONTEXT }, (_, index) => {
      const row = Math.floor(index / CONTEXT);
      return letters[row + offset + (index % CONTEXT)];
    });
  const task = trainingTask({
    model,
    data: {
      rows,
      inputs: [{ values: windows(0), featureShape: [CONTEXT] }],
      labels: { values: windows(1), featureShape: [CONTEXT] },
    },
    loss: (logits, labels) => {
      const next = tf.oneHot(tf.reshape(labels, [-1]), LETTERS.length);
      return tf.losses.softmaxCrossEntropy(next, tf.reshape(logits, [-1, LETTERS.length]));
    },
    batchSize: 32,
    optimizer: { rule: { kind: 'adam' }, learningRate },
    seed: 0,
  });
  const engine = createEngine('auto', task, { steps });
  await trainToEnd({ task, engine, sampler: shuffledSampler({ rows, seed: 0 }), steps });
  engine.dispose();
}

/** Returns the index at which the sum of the probabilities exceeds a number from 0 to 1. */
function draw(probabilities, number) {
  let sum = 0;
  const index = probabilities.findIndex((probability) => {
    sum += probability;
    return sum > number;
  });
  return index < 0 ? probabilities.length - 1 : index;
}

/** Lets the model write, each letter drawn from its probabilities. */
function sample(model, length, seed) {
  const random = randomNumbers(seed);
  let text = '. ';
  while (text.length < length) {
    const last = text.slice(-CONTEXT);
    const letters = Int32Array.from({ length: CONTEXT }, (_, index) => LETTERS.indexOf(last[index] ?? ' '));
    const probabilities = tf.tidy(() => {
      const logits = model.predict(tf.tensor(letters, [1, CONTEXT], 'int32'));
      return tf.softmax(tf.slice(logits, [0, last.length - 1, 0], [1, 1, -1])).dataSync();
    });
    text += LETTERS[draw(probabilities, random())];
  }
  return text.slice(2);
}

function printSample(title, model) {
  const text = sample(model, 600, 1);
  const sentences = text.split('.').slice(0, -1);
  const counts = Object.keys(styles).map(
    (style) => `${style} ${sentences.filter((sentence) => styleOf(sentence) === style).length}`,
  );
  console.log(`${title}: ${counts.join(', ')} of ${sentences.length} sentences`);
  console.log(`    ${sentences.slice(0, 2).join('.').trim()}.`);
}

const { device } = await loadTensorFlow();
console.log(`${STEPS} steps of pretraining on ${device}, half as many for each adapter`);
const base = buildTransformer();
await train(base, writeText('plain', 400, 1), STEPS, 2e-3);
printSample('pretrained', base);

const config = { rank: 8, alpha: 16, targetWeights: '.*\\.(query|value)' };
const model = injectLora(base, config, { adapter: 'noun-first' });
const { trainableParameters, baseParameters } = loraSummary(model);
console.log(`each adapter trains ${trainableParameters} values, the transformer has ${baseParameters}`);
await train(model, writeText('noun-first', 100, 2), STEPS / 2, 5e-3);
printSample('noun-first on', model);

addAdapter(model, 'telegram', config);
setActiveAdapters(model, ['telegram']);
await train(model, writeText('telegram', 100, 3), STEPS / 2, 5e-3);
printSample('telegram on', model);

setActiveAdapters(model, ['noun-first']);
printSample('noun-first on again', model);
setActiveAdapters(model, []);
printSample('no adapter', model);

import * as tf from '@tensorflow/tfjs';
import { baseWeights, injectLora, loraSummary, setAdapterStrength } from 'tfjs-lora/lora';
import { peftFiles } from 'tfjs-lora/peft-files';

// In your page: const base = await tf.loadLayersModel('model/model.json');
const base = tf.sequential({
  layers: [
    tf.layers.dense({ name: 'first', units: 128, activation: 'relu', inputShape: [1] }),
    tf.layers.dense({ name: 'second', units: 128, activation: 'relu' }),
    tf.layers.dense({ name: 'output', units: 1 }),
  ],
});
const x = tf.linspace(-1, 1, 200).reshape([200, 1]);
const settings = { epochs: 20, batchSize: 20, verbose: 0 };
base.compile({ optimizer: tf.train.adam(0.003), loss: 'meanSquaredError' });
await base.fit(x, x.mul(2), settings);

// The adapter: the base's weights stay as they are.
const model = injectLora(base, { rank: 2, alpha: 4 });
model.compile({ optimizer: tf.train.adam(0.01), loss: 'meanSquaredError' });
await model.fit(x, x.mul(3), settings);

const at = (strength) => {
  setAdapterStrength(model, strength);
  return model.predict(tf.tensor2d([[0.5]])).dataSync()[0];
};
const { trainableParameters, baseParameters } = loraSummary(model);
document.querySelector('#output').textContent = [
  `trained ${trainableParameters} numbers instead of ${baseParameters}, on ${tf.getBackend()}`,
  `0.5 without the adapter: ${at(0).toFixed(2)}, with half of it: ${at(0.5).toFixed(2)}, with it: ${at(1).toFixed(2)}`,
  `${[...baseWeights(model)].length} weights of the base are unchanged`,
].join('\n');

// The two files that PEFT, `tfjs-lora import` and `loadPeftFiles` read.
const { config, weights } = peftFiles(model);
const offer = (name, content) => {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([content]));
  link.download = name;
  link.click();
};
const button = document.querySelector('#save');
button.hidden = false;
button.addEventListener('click', () => {
  offer('adapter_config.json', config);
  offer('adapter_model.safetensors', weights);
});

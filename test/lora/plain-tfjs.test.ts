import * as tf from '@tensorflow/tfjs';
import { execa } from 'execa';
import { expect, test } from 'vitest';
import { injectLora, mergeLora } from '../../src/lora/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { functionalModel, inputsFor, outputsOf, randomizeAdapter } from './models.ts';

useDevice();

/** A program that imports tfjs but not this library. */
const READER = `
  import { readFileSync } from 'node:fs';
  import * as tf from '@tensorflow/tfjs';
  const { artifacts, weights, inputs } = JSON.parse(readFileSync(0, 'utf8'));
  const weightData = Uint8Array.from(weights).buffer;
  const model = await tf.loadLayersModel(tf.io.fromMemory({ ...artifacts, weightData }));
  const outputs = model.predict(inputs.map(({ shape, values }) => tf.tensor(values, shape)));
  console.log(JSON.stringify(outputs.flatMap((output) => [...output.dataSync()])));
`;

test('a merged model loads in a program without this library', async () => {
  const base = functionalModel();
  const adapted = injectLora(base, { rank: 2, alpha: 3, bias: 'all', dora: true });
  randomizeAdapter(adapted);
  const { weightData, ...artifacts } = await artifactsOf(mergeLora(adapted));
  const inputs = inputsFor(base);
  const input = JSON.stringify({
    artifacts,
    weights: [...new Uint8Array(weightData as ArrayBuffer)],
    inputs: inputs.map((tensor) => ({ shape: tensor.shape, values: [...tensor.dataSync()] })),
  });
  const { stdout } = await execa('node', ['--input-type=module', '--eval', READER], { input });
  const outputs: number[] = JSON.parse(stdout.trim().split('\n').at(-1)!);
  expect(largestDifference(outputs, outputsOf(adapted, inputs))).toBeLessThan(1e-5);
});

function artifactsOf(model: tf.LayersModel): Promise<tf.io.ModelArtifacts> {
  return new Promise((resolve, reject) => {
    const handler = tf.io.withSaveHandler(async (saved) => {
      resolve(saved);
      return { modelArtifactsInfo: { dateSaved: new Date(0), modelTopologyType: 'JSON' } };
    });
    model.save(handler).catch(reject);
  });
}

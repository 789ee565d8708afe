import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { weightsHash } from '../../src/content-hash.ts';
import { compileFunction } from '../../src/graph/index.ts';
import { graphModelLayer, injectLora, type LoraGraphModel } from '../../src/graph-models/index.ts';
import { baseWeights, injectLora as injectIntoLayers, setAdapterStrength } from '../../src/lora/index.ts';
import { type TrainingTask, trainingTask } from '../../src/training/index.ts';
import { lossesOf } from '../helpers/engines.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { randomTensor } from '../lora/models.ts';
import { copyAdapter, graphOutputs, imageTwins, randomizeGraphAdapter } from './twins.ts';

useDevice();

const config = { rank: 2, alpha: 6 };
const rows = 12;

function taskOf(model: tf.LayersModel): TrainingTask {
  return trainingTask({
    model,
    data: {
      rows,
      inputs: [{ values: randomTensor([rows, 6, 6, 2], 31).dataSync<'float32'>(), featureShape: [6, 6, 2] }],
      labels: { values: Int32Array.from({ length: rows }, (_, row) => row % 3), featureShape: [] },
    },
    batchSize: 4,
    optimizer: { rule: { kind: 'adam' }, learningRate: 0.02 },
    seed: 3,
  });
}

/** The adapted graph as the only layer of a LayersModel, with the adapter of the adapted layers. */
async function adaptedTwins(): Promise<{
  layers: tf.LayersModel;
  graph: LoraGraphModel;
  model: tf.LayersModel;
}> {
  const twins = imageTwins();
  const layers = injectIntoLayers(twins.layers, config);
  const graph = injectLora(await twins.graph(), config);
  copyAdapter(layers, graph);
  const model = tf.sequential({
    layers: [tf.layers.inputLayer({ inputShape: [6, 6, 2] }), graphModelLayer(graph)],
  });
  return { layers, graph, model };
}

test.each(['eager', 'graph', 'xla'] as const)(
  'engine %s: the losses are those of the same layers',
  async (kind) => {
    const { layers, graph, model } = await adaptedTwins();
    const hash = weightsHash(baseWeights(graph));
    const losses = lossesOf(kind, taskOf(model), 12);
    const expected = lossesOf('eager', taskOf(layers), 12);
    expect(expected[11]!).toBeLessThan(expected[0]!);
    expect(largestDifference(losses, expected)).toBeLessThan(1e-4);
    expect(weightsHash(baseWeights(graph))).toBe(hash);
  },
);

test('a new head and the adapter train together', async () => {
  const { graph } = await adaptedTwins();
  const head = tf.sequential({ layers: [tf.layers.dense({ name: 'head', inputShape: [5], units: 3 })] });
  const model = tf.sequential({
    layers: [
      tf.layers.inputLayer({ inputShape: [6, 6, 2] }),
      graphModelLayer(graph, { output: 'pool' }),
      head,
    ],
  });
  expect(model.outputShape).toEqual([null, 3]);
  const names = model.trainableWeights.map(({ originalName }) => originalName);
  expect(names).toContain('conv/default/lora_A');
  expect(names).toContain('head/kernel');
  const losses = lossesOf('graph', taskOf(model), 30);
  expect(losses.at(-1)!).toBeLessThan(losses[0]!);
});

test('an optimizer of tfjs trains it in a loop without leaks, and so does a compiled step', async () => {
  const x = randomTensor([4, 6, 6, 2], 31);
  const labels = tf.oneHot(tf.tensor1d([0, 1, 2, 0], 'int32'), 3);
  const runs = ['eager', 'graph', 'xla'].map(async (kind) => {
    const { graph } = await adaptedTwins();
    const variables = graph.trainableWeights.map((weight) => weight.read() as tf.Variable);
    const optimizer = tf.train.adam(0.02);
    const step = () =>
      optimizer.minimize(
        () => tf.losses.softmaxCrossEntropy(labels, graph.predict(x) as tf.Tensor) as tf.Scalar,
        true,
        variables,
      )!;
    const compiled = kind === 'eager' ? step : compileFunction(step, { jit: kind === 'xla' });
    const losses: number[] = [];
    let tensors = 0;
    for (let index = 0; index < 6; index++) {
      const loss = compiled() as tf.Tensor;
      losses.push(loss.dataSync()[0]!);
      loss.dispose();
      if (index === 2) tensors = tf.memory().numTensors;
    }
    expect(tf.memory().numTensors).toBe(tensors);
    return losses;
  });
  const [eager, graph, xla] = await Promise.all(runs);
  expect(eager![5]!).toBeLessThan(eager![0]!);
  expect(largestDifference(graph!, eager!)).toBeLessThan(1e-5);
  expect(largestDifference(xla!, eager!)).toBeLessThan(1e-5);
});

test('a compiled prediction follows the strength and the trained weights', async () => {
  const { graph } = await adaptedTwins();
  const x = randomTensor([4, 6, 6, 2], 31);
  randomizeGraphAdapter(graph);
  const compiled = compileFunction((input) => graph.predict(input!) as tf.Tensor, { jit: true });
  for (const strength of [1, 0, 0.5]) {
    setAdapterStrength(graph, strength);
    expect(largestDifference([...compiled(x).dataSync()], graphOutputs(graph, x))).toBeLessThan(1e-5);
  }
  compiled.dispose();
});

import { mkdtemp } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { contentHash } from '../../src/content-hash.ts';
import { graphModelLayer, injectLora, loraTargets, mergeLora } from '../../src/graph-models/index.ts';
import {
  activeAdapters,
  addAdapter,
  deleteAdapter,
  loraLayers,
  loraSummary,
  type NamedLoraLayer,
  readAdapter,
  setActiveAdapters,
  updateSpectrum,
} from '../../src/lora/index.ts';
import { loadPeft, loadPeftFiles, peftFiles, savePeft } from '../../src/peft/index.ts';
import { readSafetensors } from '../../src/safetensors/index.ts';
import {
  fused,
  graphArtifacts,
  graphModel,
  type NodeDef,
  placeholder,
  reloadGraphModel,
  window,
} from '../helpers/graph-models.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { randomTensor } from '../lora/models.ts';
import { graphOutputs, imageTwins, randomizeGraphAdapter, tokenTwins } from './twins.ts';

useDevice();

const square = (key: number) => tf.mul(randomTensor([3, 3], key), 0.5) as tf.Tensor;
const input: NodeDef = ['x', 'Placeholder', [], placeholder([-1, 3])];

test('lists the nodes that can be adapted, and those that a configuration selects', async () => {
  const base = await imageTwins().graph();
  const tensors = tf.memory().numTensors;
  const targets = loraTargets(base, { rank: 2, targets: ['conv', 'out'] });
  expect(targets.map(({ path, className, rank }) => [path, className, rank])).toEqual([
    ['conv', 'Conv2D', 2],
    ['depthwise', 'DepthwiseConv2D', undefined],
    ['plain_conv', 'Conv2D', undefined],
    ['hidden', 'Dense', undefined],
    ['out', 'Dense', 2],
  ]);
  expect(tf.memory().numTensors).toBe(tensors);
});

test.each([
  [{ targets: ['hidden', 'out'] }, ['hidden', 'out']],
  [{ targets: '.*conv' }, ['conv', 'plain_conv']],
  [{ targets: /h.*n/ }, ['hidden']],
  [{ exclude: ['conv', 'depthwise'] }, ['plain_conv', 'hidden', 'out']],
  [{ from: 'pool' }, ['hidden', 'out']],
  [{ from: 'plain_conv' }, ['plain_conv', 'hidden', 'out']],
])('%o selects the nodes %o', async (config, expected) => {
  const adapted = injectLora(await imageTwins().graph(), config);
  expect(loraLayers(adapted).map(({ path }) => path)).toEqual(expected);
});

test('counts all parameters of the graph', async () => {
  const { graph, layers } = imageTwins();
  const summary = loraSummary(injectLora(await graph(), { rank: 2, targets: ['out'] }));
  expect(summary.baseParameters).toBe(layers.countParams());
  expect(summary.trainableParameters).toBe(2 * (6 + 3));
});

test('named adapters are added, exchanged and deleted', async () => {
  const { graph, input: x } = imageTwins();
  const base = await graph();
  const model = injectLora(base, { rank: 2 }, { adapter: 'first' });
  randomizeGraphAdapter(model);
  const first = graphOutputs(model, x());
  addAdapter(model, 'second', { rank: 1, targets: ['hidden'] });
  expect(graphOutputs(model, x())).toEqual(first);
  setActiveAdapters(model, ['second']);
  expect(activeAdapters(model)).toEqual(['second']);
  expect(model.trainableWeights).toHaveLength(2);
  expect(graphOutputs(model, x())).toEqual(graphOutputs(base, x()));
  setActiveAdapters(model, ['first']);
  deleteAdapter(model, 'second');
  expect(graphOutputs(model, x())).toEqual(first);
  expect(() => injectLora(model)).toThrow(/already has adapters/);
});

test('inits that factorize the kernel leave the outputs unchanged', async () => {
  const { graph, input: x } = tokenTwins();
  const base = await graph();
  for (const init of ['pissa', 'olora', 'orthogonal'] as const)
    expect(
      largestDifference(graphOutputs(injectLora(base, { rank: 2, init }), x()), graphOutputs(base, x())),
    ).toBeLessThan(1e-5);
});

test('PEFT files are bound to the base, and give the same outputs on it', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tfjs-lora-graph-'));
  for (const create of [imageTwins, tokenTwins]) {
    const { graph, input: x } = create();
    const base = await graph();
    const model = injectLora(base, {
      rank: 2,
      alpha: 7,
      rankPattern: { out: 1 },
      bias: create === imageTwins ? 'lora-only' : 'none',
    });
    randomizeGraphAdapter(model);
    const expected = graphOutputs(model, x());
    await savePeft(model, folder);
    const loaded = await loadPeft(base, folder);
    expect(activeAdapters(loaded)).toEqual(['default']);
    expect(graphOutputs(loaded, x())).toEqual(expected);
    await loadPeft(loaded, folder, { adapter: 'again' });
    expect(graphOutputs(loaded, x())).toEqual(expected);
    const merged = mergeLora(model);
    const tensors = tf.memory().numTensors;
    await expect(loadPeft(merged, folder)).rejects.toThrow(/trained on a base with content hash/);
    expect(tf.memory().numTensors).toBe(tensors);
    expect(contentHash(await reloadGraphModel(base))).toBe(contentHash(base));
  }
  const { tensors } = await readSafetensors(join(folder, 'adapter_model.safetensors'));
  expect([...tensors].find(([name]) => name === 'base_model.model.out.lora_A.weight')![1].shape).toEqual([
    1, 15,
  ]);
});

test('weights without adapters stay quantized in the merged file', async () => {
  const artifacts = graphArtifacts({
    nodes: [input, ['first', 'MatMul', ['x', 'a']], ['second', 'MatMul', ['first', 'b']]],
    weights: { a: square(1), b: square(2) },
    outputs: ['second'],
  });
  const [a, b] = artifacts.weightSpecs!;
  const quantized = {
    ...artifacts,
    weightSpecs: [
      { ...a!, quantization: { dtype: 'uint8' as const, min: -1, scale: 0.01 } },
      { ...b!, quantization: { dtype: 'uint8' as const, min: -0.5, scale: 0.02 } },
    ],
    weightData: Uint8Array.from({ length: 18 }, (_, index) => (index * 37) % 200).buffer,
  };
  const base = await tf.loadGraphModel(tf.io.fromMemory(quantized));
  const adapted = injectLora(base, { rank: 1, targets: ['second'] });
  randomizeGraphAdapter(adapted);
  const merged = mergeLora(adapted);
  const stored = (merged as unknown as { artifacts: tf.io.ModelArtifacts }).artifacts;
  expect(stored.weightSpecs!.map(({ quantization }) => quantization?.dtype)).toEqual(['uint8', undefined]);
  expect((stored.weightData as ArrayBuffer).byteLength).toBe(9 + 36);
  const x = randomTensor([4, 3]);
  expect(
    largestDifference(graphOutputs(await reloadGraphModel(merged), x), graphOutputs(adapted, x)),
  ).toBeLessThan(1e-5);
});

test('several inputs and outputs', async () => {
  const nodes: NodeDef[] = [
    input,
    ['other', 'Placeholder', [], placeholder([-1, 3])],
    ['first', 'MatMul', ['x', 'a']],
    ['second', 'MatMul', ['other', 'b']],
    ['sum', 'AddV2', ['first', 'second']],
  ];
  const base = await graphModel({
    nodes,
    weights: { a: square(1), b: square(2) },
    outputs: ['sum', 'first'],
  });
  const adapted = injectLora(base, { rank: 1 });
  randomizeGraphAdapter(adapted);
  const [x, other] = [randomTensor([4, 3], 5), randomTensor([4, 3], 6)];
  const named = adapted.execute({ x, other }, ['sum', 'first', 'second']) as tf.Tensor[];
  const [sum, first] = adapted.predict([x, other]) as tf.Tensor[];
  expect([...sum!.dataSync()]).toEqual([...named[0]!.dataSync()]);
  expect([...first!.dataSync()]).toEqual([...named[1]!.dataSync()]);
  expect(largestDifference([...tf.add(named[1]!, named[2]!).dataSync()], [...sum!.dataSync()])).toBeLessThan(
    1e-6,
  );
  expect(() => graphModelLayer(adapted)).toThrow(
    /has the outputs sum, first; choose one with option 'output'/,
  );
});

/** `first` -> an op without a gradient -> `second`. */
const blocked = (op: NodeDef) =>
  graphModel({
    nodes: [input, ['first', 'MatMul', ['x', 'a']], op, ['second', 'MatMul', ['blocking', 'b']]],
    weights: { a: square(1), b: square(2), axis: tf.scalar(-1, 'int32'), flag: tf.scalar(1, 'int32') },
    outputs: ['second'],
  });

test('refuses targets before an op without a gradient, and adapts what lies behind it', async () => {
  const base = await blocked([
    'blocking',
    'Cumprod',
    ['first', 'axis'],
    { exclusive: { b: false }, reverse: { b: false } },
  ]);
  const tensors = tf.memory().numTensors;
  expect(() => injectLora(base, { rank: 1 })).toThrow(
    "node 'first' (MatMul): cannot be trained, because node 'blocking' (Cumprod) lies between it and the outputs, and tfjs has no gradient for it; adapt only what lies behind with from: 'blocking'",
  );
  expect(tf.memory().numTensors).toBe(tensors);
  const before = injectLora(base, { rank: 1 }, { outputs: ['first'] });
  expect(loraLayers(before).map(({ path }) => path)).toEqual(['first']);
  randomizeGraphAdapter(before);
  expect(graphOutputs(before, randomTensor([2, 3]))).not.toEqual(graphOutputs(base, randomTensor([2, 3])));
  expect(() => injectLora(base, {}, { outputs: ['missing'] })).toThrow(
    'outputs: the graph has no node "missing"',
  );
  const adapted = injectLora(base, { rank: 1, from: 'blocking' });
  expect(loraLayers(adapted).map(({ path }) => path)).toEqual(['second']);
  const variables = adapted.trainableWeights.map((weight) => weight.read() as tf.Variable);
  const x = randomTensor([2, 3]);
  const { grads } = tf.variableGrads(() => tf.sum(adapted.predict(x) as tf.Tensor) as tf.Scalar, variables);
  expect(Object.keys(grads)).toHaveLength(2);
});

test('refuses a dilated convolution that tfjs fuses with its bias, which has no gradient', async () => {
  const base = await graphModel({
    nodes: [
      ['x', 'Placeholder', [], placeholder([-1, 5, 5, 2])],
      [
        'y',
        '_FusedConv2D',
        ['x', 'w', 'b'],
        { ...window([1, 1, 1, 1], 'SAME', [1, 2, 2, 1]), ...fused('BiasAdd') },
      ],
    ],
    weights: { w: randomTensor([2, 2, 2, 3], 1), b: tf.zeros([3]) },
    outputs: ['y'],
  });
  expect(() => injectLora(base)).toThrow(/^node 'y' \(_FusedConv2D\): cannot be trained/);
});

test('refuses to train through control flow, and predicts with it asynchronously', async () => {
  const base = await graphModel({
    nodes: [
      input,
      ['first', 'MatMul', ['x', 'a']],
      ['switch', 'Switch', ['first', 'flag']],
      ['merge', 'Merge', ['switch:1', 'switch']],
      ['second', 'MatMul', ['merge', 'b']],
    ],
    weights: { a: square(1), b: square(2), flag: tf.scalar(1, 'int32') },
    outputs: ['second'],
  });
  expect(() => injectLora(base, { rank: 1 })).toThrow(
    /node 'first' \(MatMul\): cannot be trained, because node 'switch' \(Switch\) lies .* tfjs runs it asynchronously, without gradients; .* from: 'switch'/,
  );
  const adapted = injectLora(base, { rank: 1, from: 'merge' });
  randomizeGraphAdapter(adapted);
  const x = randomTensor([2, 3]);
  const tensors = tf.memory().numTensors;
  const output = (await adapted.executeAsync(x)) as tf.Tensor;
  const expected = (await mergeLora(adapted).executeAsync(x)) as tf.Tensor;
  expect(largestDifference([...output.dataSync()], [...expected.dataSync()])).toBeLessThan(1e-6);
  const start = (await base.executeAsync(x)) as tf.Tensor;
  expect(largestDifference([...output.dataSync()], [...start.dataSync()])).toBeGreaterThan(1e-3);
  const [again] = [(await adapted.executeAsync(x)) as tf.Tensor];
  expect([...again.dataSync()]).toEqual([...output.dataSync()]);
  expect(tf.memory().numTensors).toBeGreaterThan(tensors);
});

test('measures the update of stacked matrices', async () => {
  const base = await graphModel({
    nodes: [input, ['y', 'BatchMatMulV2', ['x', 'stack']]],
    weights: { stack: randomTensor([2, 3, 4], 4) },
    outputs: ['y'],
  });
  const adapted = injectLora(base, { rank: 1, alpha: 3 });
  expect(loraTargets(base)[0]!.parametersPerRank).toBe(loraSummary(adapted).trainableParameters);
  randomizeGraphAdapter(adapted);
  const [{ layer }] = loraLayers(adapted) as [NamedLoraLayer];
  const { singularValues, updateNorm } = updateSpectrum(layer, 'default')!;
  const before = layer.baseWeights.get('kernel')!.read();
  const change = tf.norm(tf.sub(layer.mergedWeight('kernel'), before)).dataSync()[0]!;
  expect(updateNorm).toBeCloseTo(change, 5);
  expect(singularValues.filter((value) => value > 1e-5)).toHaveLength(2);
});

test('ignores an op that is called like a member of objects, and refuses names that tfjs does not allow', async () => {
  const model = (name: string, op = 'MatMul') =>
    graphModel({
      nodes: [input, [name, 'MatMul', ['x', 'w']], ['other', op, [name, 'w2']]],
      weights: { w: randomTensor([3, 3], 4), w2: randomTensor([3, 3], 5) },
      outputs: [name],
    });
  expect(loraTargets(await model('y', 'constructor')).map(({ path }) => path)).toEqual(['y']);
  const base = await model('_y');
  expect(() => injectLora(base)).toThrow(
    /^node "_y": tfjs does not allow this name for its weights; rename the node/,
  );
});

test('refuses what a graph does not support', async () => {
  const { graph } = imageTwins();
  const base = await graph();
  expect(() => injectLora(base, { dropout: 0.1 })).toThrow(
    /layer 'conv' \(Conv2D\): does not support dropout/,
  );
  expect(() => injectLora(base, { targets: ['missing'] })).toThrow(
    /targets 'missing': matches no layer; the model has conv \(Conv2D\)/,
  );
  expect(() => injectLora(base, { from: 'missing' })).toThrow(/from 'missing'/);
  const adapted = injectLora(base);
  await expect(adapted.save()).rejects.toThrow(/cannot be saved as one; save the adapter with savePeft/);
  expect(() => graphModelLayer(adapted, { output: 'missing' })).toThrow(
    /output "missing": the graph has no such node/,
  );
  expect(readAdapter(loraLayers(adapted)[0]!.layer, 'default').size).toBe(2);
});

test('targetWeights adapts a constant that is not a kernel', async () => {
  const base = await graphModel({
    nodes: [
      ['x', 'Placeholder', [], placeholder([-1, 2, 3])],
      ['sum', 'AddV2', ['x', 'positions']],
      ['out', 'Mul', ['sum', 'sum']],
    ],
    weights: { positions: randomTensor([2, 3], 4) },
  });
  expect(() => injectLora(base, { targetWeights: ['position.value'] })).toThrow(
    /targetWeights 'position\.value': matches no weight with two or more axes; the model has positions\.value$/,
  );
  const model = injectLora(base, { rank: 1, alpha: 3, targetWeights: ['positions.value'] });
  const x = () => randomTensor([4, 2, 3], 5);
  expect(graphOutputs(model, x())).toEqual(graphOutputs(base, x()));
  randomizeGraphAdapter(model);
  const expected = graphOutputs(model, x());
  expect(largestDifference(expected, graphOutputs(base, x()))).toBeGreaterThan(1e-2);
  expect(largestDifference(graphOutputs(mergeLora(model), x()), expected)).toBeLessThan(1e-5);
  const loaded = loadPeftFiles(base, peftFiles(model));
  expect(graphOutputs(loaded, x())).toEqual(expected);
});

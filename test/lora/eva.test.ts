import { readFile } from 'node:fs/promises';
import * as tf from '@tensorflow/tfjs';
import { beforeAll, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import {
  addAdapter,
  type EvaConfig,
  injectLora,
  type LoraConfig,
  loraLayers,
  setActiveAdapters,
} from '../../src/lora/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import {
  functionalModel,
  inputsFor,
  layerAt,
  onlyUpdate,
  outputsOf,
  randomizeAdapter,
  randomTensor,
  sequential,
} from './models.ts';
import { peftTensors } from './peft-tensors.ts';

useDevice();

interface EvaCase {
  readonly options: { rho: number; tau?: number; whiten?: boolean; adjust_scaling_factors?: boolean };
  readonly layers: Record<string, { rank: number; alpha: number }>;
}

let tensors: ReadonlyMap<string, tf.Tensor>;
let cases: Record<string, EvaCase>;

beforeAll(async () => {
  tensors = await peftTensors();
  cases = JSON.parse(await readFile('test/fixtures/lora/cases.json', 'utf8'));
});

const at = (name: string) => tensors.get(name)!;

/** The layers of PEFT's model, named by their positions in it. */
function peftModel(): tf.LayersModel {
  const model = sequential(
    tf.layers.dense({ name: '0', inputShape: [8], units: 7, activation: 'relu' }),
    tf.layers.dense({ name: '2', units: 6, activation: 'tanh' }),
    tf.layers.dense({ name: '4', units: 3 }),
  );
  model.setWeights(
    [0, 2, 4].flatMap((index) => [at(`eva.weight${index}`).transpose(), at(`eva.bias${index}`)]),
  );
  return model;
}

const peftBatches = () => tf.unstack(at('eva.batches'));

test.each(['plain', 'fixed', 'whitened', 'strict'])('%s: has the ranks, alphas and A of PEFT', (name) => {
  const { options, layers } = cases[`eva.${name}`]!;
  const { adjust_scaling_factors: adjustScalingFactors, ...others } = options;
  const evaConfig: EvaConfig = { ...others, ...(adjustScalingFactors === false && { adjustScalingFactors }) };
  const base = peftModel();
  const batches = peftBatches();
  const { numTensors } = tf.memory();
  const model = injectLora(base, { rank: 2, alpha: 3, init: 'eva', evaConfig }, { batches });
  const added = model.weights.length + loraLayers(model).length; // the scales of adapters are no weights
  expect(tf.memory().numTensors - numTensors).toBe(added);
  const found = loraLayers(model).map(({ path, layer }) => {
    const { settings } = layer.adapters.get('default')!;
    const { a } = onlyUpdate(layer);
    const expected = at(`eva.${name}.${path}.lora_A`).transpose();
    expect(a.shape).toEqual(expected.shape);
    expect(largestDifference(a.read().dataSync(), expected.dataSync())).toBeLessThan(2e-5);
    return [path, { rank: settings.rank, alpha: settings.alpha }];
  });
  expect(Object.fromEntries(found)).toEqual(layers);
  const x = batches[0]!;
  expect(outputsOf(model, [x])).toEqual(outputsOf(base, [x]));
});

test('an adapted model keeps its ranks after training and reloading', async () => {
  const model = injectLora(peftModel(), { rank: 2, alpha: 3, init: 'eva' }, { batches: peftBatches() });
  randomizeAdapter(model);
  const inputs = [peftBatches()[0]!];
  const loaded = await reload(model);
  const ranks = loraLayers(loaded).map(({ layer }) => layer.adapters.get('default')!.settings.rank);
  expect(ranks).toEqual(Object.values(cases['eva.plain']!.layers).map(({ rank }) => rank));
  expect(new Set(ranks).size).toBeGreaterThan(1);
  expect(outputsOf(loaded, inputs)).toEqual(outputsOf(model, inputs));
});

test('a layer whose inputs explain too little gets no A and B', () => {
  // The inputs of 'flat' vary equally in all directions, those of 'steep' in two.
  const twoLayers = (useBias: boolean) => {
    const inputs = [tf.input({ shape: [12], name: 'a' }), tf.input({ shape: [12], name: 'b' })];
    const outputs = ['flat', 'steep'].map((name, index) =>
      tf.layers.dense({ name, units: 3, useBias }).apply(inputs[index]!),
    );
    return tf.model({ inputs, outputs: outputs as tf.SymbolicTensor[] });
  };
  const base = twoLayers(true);
  const scales = tf.tensor1d([5, 4, ...new Array(10).fill(0.01)]);
  const batches = [
    [randomTensor([40, 12], 1), tf.mul(randomTensor([40, 12], 2), scales)],
    [randomTensor([40, 12], 3), tf.mul(randomTensor([40, 12], 4), scales)],
  ];
  const config: LoraConfig = { rank: 1, init: 'eva', bias: 'lora-only' };
  const model = injectLora(base, config, { batches });
  expect(loraLayers(model).map(({ path }) => path)).toEqual(['steep']);
  expect(layerAt(model, 'steep').adapters.get('default')!.settings).toMatchObject({ rank: 2, alpha: 2 });
  const withBiases = injectLora(base, { ...config, bias: 'all' }, { batches });
  const { updates, trainedCopies } = layerAt(withBiases, 'flat').adapters.get('default')!;
  expect([updates.size, [...trainedCopies.keys()]]).toEqual([0, ['bias']]);
  const withoutBiases = injectLora(twoLayers(false), { ...config, bias: 'all' }, { batches });
  expect(loraLayers(withoutBiases).map(({ path }) => path)).toEqual(['steep']);
});

test('adds an adapter to an adapted model from the inputs that the base gives', () => {
  const base = functionalModel();
  const batches = [inputsFor(base), inputsFor(base, 17)];
  const config: LoraConfig = { rank: 1, init: 'eva', targets: ['middle', 'head'] };
  const expected = injectLora(base, config, { batches });
  const model = injectLora(base, { rank: 2 });
  randomizeAdapter(model);
  const outputs = outputsOf(model);
  addAdapter(model, 'eva', config, { batches });
  expect(outputsOf(model)).toEqual(outputs);
  for (const { path, layer } of loraLayers(expected)) {
    const a = onlyUpdate(layerAt(model, path), 'eva').a.read();
    expect(a.dataSync()).toEqual(onlyUpdate(layer).a.read().dataSync());
  }
  setActiveAdapters(model, ['eva']);
  expect(outputsOf(model)).toEqual(outputsOf(base));
});

test('other layers start as with kaiming, with a warning', () => {
  const base = sequential(
    tf.layers.conv1d({ name: 'conv', inputShape: [5, 2], filters: 3, kernelSize: 2 }),
    tf.layers.dense({ name: 'out', units: 2 }),
  );
  const warnings: string[] = [];
  const options = { batches: [randomTensor([4, 5, 2])], onWarning: (line: string) => warnings.push(line) };
  const model = injectLora(base, { rank: 1, init: 'eva' }, options);
  const kaiming = injectLora(base, { rank: 1 });
  const valuesOf = (adapted: tf.LayersModel) => onlyUpdate(layerAt(adapted, 'conv')).a.read().dataSync();
  expect(valuesOf(model)).toEqual(valuesOf(kaiming));
  expect(warnings).toEqual(["init 'eva': supports dense layers only; others start as with 'kaiming': conv"]);
});

test.each<[string, LoraConfig, () => tf.Tensor[] | undefined, RegExp]>([
  [
    'no batches',
    {},
    () => undefined,
    /init 'eva': needs inputs .* pass batches of the model's inputs as option 'batches'/,
  ],
  ['an empty list', {}, () => [], /init 'eva': needs inputs/],
  [
    'batches with less rows than components',
    { rank: 3 },
    () => [randomTensor([5, 8])],
    /layer '0': no batch has the 6 rows that init 'eva' needs/,
  ],
  [
    'a batch that is not of tensors',
    {},
    () => [[1, 2]] as never,
    /batches\[0\]: must be a tensor for each of the inputs 0_input \(a list\)/,
  ],
  [
    'a batch of another shape',
    {},
    () => [randomTensor([9, 7])],
    /batches\[0\]: input 0_input must have shape \[batch,8\] \(\[9,7\]\)/,
  ],
  ['NaN', {}, () => [tf.fill([9, 8], Number.NaN)], /layer '0': its inputs contain NaN or Inf/],
  ['a rho below 1', { evaConfig: { rho: 0.5 } }, peftBatches, /evaConfig.rho: must be at least 1 \(0.5\)/],
  ['a tau above 1', { evaConfig: { tau: 1.5 } }, peftBatches, /evaConfig.tau: must be from 0 to 1 \(1.5\)/],
  [
    'an unknown option',
    { evaConfig: { roh: 1 } as EvaConfig },
    peftBatches,
    /evaConfig: unknown option 'roh'; expected one of rho, tau, whiten, adjustScalingFactors/,
  ],
  [
    'options of another initialization',
    { init: 'kaiming', evaConfig: { rho: 1 } },
    peftBatches,
    /evaConfig: init 'kaiming' does not use it/,
  ],
])('rejects %s', (_title, config, batches, message) => {
  const base = peftModel();
  const options = { batches: batches() };
  const { numTensors } = tf.memory();
  const act = () => injectLora(base, { rank: 2, init: 'eva', ...config }, options);
  expect(act).toThrow(UsageError);
  expect(act).toThrow(message);
  expect(tf.memory().numTensors).toBe(numTensors);
});

import * as tf from '@tensorflow/tfjs';
import { beforeAll, describe, expect, test } from 'vitest';
import * as lora from '../../src/api/lora.ts';
import * as models from '../../src/api/models.ts';
import { UsageError } from '../../src/errors.ts';
import { loadTensorFlow } from '../../src/tensorflow/index.ts';
import { sequentialModel } from './models.ts';

beforeAll(() => loadTensorFlow({ device: 'js' }));

/** What looks like a LayersModel of another copy of tfjs. */
const foreign = { name: 'theirs', layers: [], getClassName: () => 'Sequential', predict: () => undefined };

async function graphModel(): Promise<tf.GraphModel> {
  const node = [
    { name: 'x', op: 'Placeholder', attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: {} } } },
  ];
  const modelTopology = { node, library: {}, versions: {} };
  const artifacts = { modelTopology, weightSpecs: [], weightData: new ArrayBuffer(0) };
  return await tf.loadGraphModel(tf.io.fromMemory(artifacts));
}

const notModels: [string, () => unknown, RegExp][] = [
  ['undefined', () => undefined, /^model: must be a tf.LayersModel \(undefined\)$/],
  ['null', () => null, /^model: must be a tf.LayersModel \(null\)$/],
  ['a text', () => 'file://model.json', /^model: must be a tf.LayersModel \(file:\/\/model.json\)$/],
  ['an object', () => ({}), /^model: must be a tf.LayersModel \(Object\)$/],
  ['a Promise', async () => sequentialModel(), /^model: is a Promise; await it first/],
  ['a layer', () => tf.layers.dense({ units: 1, name: 'out' }), /^model: is a layer \(Dense 'out'\)/],
  [
    'a model of another tfjs',
    () => foreign,
    /^model: 'theirs' was made by another copy of @tensorflow\/tfjs/,
  ],
];

const takesModel: Record<string, (model: tf.LayersModel) => unknown> = {
  injectLora: (model) => lora.injectLora(model),
  addAdapter: (model) => lora.addAdapter(model, 'more'),
  addWeightedAdapter: (model) => lora.addWeightedAdapter(model, { name: 'both', type: 'cat', adapters: [] }),
  activeAdapters: lora.activeAdapters,
  setActiveAdapters: (model) => lora.setActiveAdapters(model, []),
  setAdapterStrength: (model) => lora.setAdapterStrength(model, 1),
  deleteAdapter: (model) => lora.deleteAdapter(model, 'default'),
  disableAdapters: lora.disableAdapters,
  enableAdapters: lora.enableAdapters,
  adapterNames: lora.adapterNames,
  baseWeights: lora.baseWeights,
  hasLora: lora.hasLora,
  loraLayers: lora.loraLayers,
  loraSummary: lora.loraSummary,
  loraTargets: (model) => lora.loraTargets(model),
  mergeLora: lora.mergeLora,
  unloadLora: lora.unloadLora,
  cloneModel: lora.cloneModel,
  namedLayers: lora.namedLayers,
  contentHash: models.contentHash,
  modelSummary: models.modelSummary,
  saveModel: (model) => models.saveModel(model, '/nowhere'),
  toStateDict: models.toStateDict,
  assignStateDict: (model) => models.assignStateDict(model, new Map(), { source: 'weights' }),
  deadUnits: (model) => models.deadUnits(model, []),
  inspectAdapters: models.inspectAdapters,
};

const failureOf = async (run: () => unknown): Promise<unknown> => {
  try {
    return await run();
  } catch (error) {
    return error;
  }
};

/** Functions that accept a GraphModel without adapters. */
const TAKE_GRAPH_MODELS = new Set(['hasLora', 'loraTargets', 'contentHash']);

describe.each(Object.entries(takesModel))('%s', (name, call) => {
  test.each(notModels)('names %s that is not a LayersModel', async (_title, create, message) => {
    const error = await failureOf(() => call(create() as tf.LayersModel));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(message);
  });

  test.skipIf(TAKE_GRAPH_MODELS.has(name))('names a GraphModel', async () => {
    const model = await graphModel();
    const error = await failureOf(() => call(model as unknown as tf.LayersModel));
    expect(error).toBeInstanceOf(UsageError);
    expect((error as Error).message).toMatch(
      /is a GraphModel; this needs a LayersModel|is a GraphModel without adapters; call injectLora first|graph has no weights/,
    );
  });
});

/** Calls with arguments of wrong types. */
const wrong: [string, (adapted: tf.LayersModel) => unknown, RegExp][] = [
  [
    'injectLora: a number as configuration',
    () => lora.injectLora(sequentialModel(), 4 as never),
    /LoRA configuration: must be an object \(4\)/,
  ],
  [
    'injectLora: null',
    () => lora.injectLora(sequentialModel(), null as never),
    /LoRA configuration: must be an object/,
  ],
  [
    'injectLora: a rank as text',
    () => lora.injectLora(sequentialModel(), { rank: '4' as never }),
    /rank: must be a whole number/,
  ],
  [
    'injectLora: targets',
    () => lora.injectLora(sequentialModel(), { targets: 3 as never }),
    /targets: must be a list of names, a regular expression or 'all' \(3\)/,
  ],
  [
    'injectLora: targetWeights',
    () => lora.injectLora(sequentialModel(), { targetWeights: 3 as never }),
    /targetWeights: must be a list of names or a regular expression \(3\)/,
  ],
  [
    'injectLora: a misspelt option',
    () => lora.injectLora(sequentialModel(), {}, { batch: [] } as never),
    /adapter options: unknown option 'batch'; expected one of loss, batches, onWarning, adapter, outputs/,
  ],
  [
    'injectLora: a list with a number',
    () => lora.injectLora(sequentialModel(), { exclude: ['out', 2] as never }),
    /exclude: must be a list of names.*\["out",2\]/,
  ],
  [
    'injectLora: from',
    () => lora.injectLora(sequentialModel(), { from: 2 as never }),
    /from: must be a string \(2\)/,
  ],
  [
    'injectLora: rankPattern',
    () => lora.injectLora(sequentialModel(), { rankPattern: 3 as never }),
    /rankPattern: must be an object \(3\)/,
  ],
  [
    'injectLora: null rankPattern',
    () => lora.injectLora(sequentialModel(), { rankPattern: null as never }),
    /rankPattern: must be an object \(null\)/,
  ],
  [
    'injectLora: options',
    () => lora.injectLora(sequentialModel(), {}, null as never),
    /adapter options: must be an object \(null\)/,
  ],
  [
    'injectLora: the name of an adapter',
    () => lora.injectLora(sequentialModel(), {}, { adapter: 3 as never }),
    /name of the adapter: must be a string \(3\)/,
  ],
  [
    'injectLora: loss',
    () => lora.injectLora(sequentialModel(), {}, { loss: 'mse' as never }),
    /loss: must be a function \('mse'\)/,
  ],
  [
    'resolveLoraConfig: nothing',
    () => lora.resolveLoraConfig(undefined as never),
    /LoRA configuration: must be an object/,
  ],
  [
    'addAdapter: no name',
    (model) => lora.addAdapter(model, undefined as never),
    /name of the adapter: must be a string \(undefined\)/,
  ],
  [
    'setActiveAdapters: a name',
    (model) => lora.setActiveAdapters(model, 'default' as never),
    /names of adapters: must be a list \('default'\)/,
  ],
  [
    'setAdapterStrength: a text',
    (model) => lora.setAdapterStrength(model, '0.5' as never),
    /strength: must be from 0 to 1/,
  ],
  [
    'deleteAdapter: no name',
    (model) => lora.deleteAdapter(model, undefined as never),
    /adapter 'undefined': not found/,
  ],
  [
    'addWeightedAdapter: nothing',
    (model) => lora.addWeightedAdapter(model, undefined as never),
    /options: must be an object/,
  ],
  [
    'addWeightedAdapter: a name',
    (model) => lora.addWeightedAdapter(model, { name: 'x', type: 'cat', adapters: 'default' as never }),
    /adapters: must be a list/,
  ],
  [
    'addWeightedAdapter: names',
    (model) => lora.addWeightedAdapter(model, { name: 'x', type: 'cat', adapters: ['default'] as never }),
    /adapter to combine: must be an object \('default'\)/,
  ],
  ['loraCost: nothing', () => lora.loraCost(undefined as never), /shape: must be an object/],
  [
    'loraCost: no rank',
    () => lora.loraCost({ inputs: 2, outputs: 2 } as never),
    /rank: must be a whole number/,
  ],
  [
    'readAdapter: a path',
    () => lora.readAdapter('hidden' as never, 'default'),
    /layer: must be a LoRA layer.*\(hidden\)/,
  ],
  [
    'updateSpectrum: nothing',
    () => lora.updateSpectrum(undefined as never, 'default'),
    /layer: must be a LoRA layer/,
  ],
  [
    'writeAdapter: an object',
    (model) => lora.writeAdapter(lora.loraLayers(model)[0]!.layer, 'default', {} as never),
    /tensors: must be a Map/,
  ],
  [
    'createDigitsNet: a head',
    () => models.createDigitsNet({ head: 'softmax' as never }),
    /head: must be relu or linear \(softmax\)/,
  ],
  [
    'createDigitsNet: classes',
    () => models.createDigitsNet({ classes: 0 }),
    /classes: must be a whole number of at least 1 \(0\)/,
  ],
  [
    'loadModel: no folder',
    () => models.loadModel(undefined as never),
    /folder: must be a string \(undefined\)/,
  ],
  [
    'saveModel: no folder',
    (model) => models.saveModel(model, undefined as never),
    /folder: must be a string/,
  ],
  ['openRun: no path', () => models.openRun(undefined as never), /path: must be a string/],
  ['readManifest: no folder', () => models.readManifest(undefined as never), /folder: must be a string/],
  ['readState: no path', () => models.readState(undefined as never), /path: must be a string/],
  ['deadUnits: no inputs', (model) => models.deadUnits(model, undefined as never), /inputs: must be a list/],
];

test.each(wrong)('%s is one clear line', async (_title, call, message) => {
  const error = await failureOf(() => call(lora.injectLora(sequentialModel(), { rank: 1 })));
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).toMatch(message);
  expect((error as Error).message).not.toContain('\n');
});

test('isLoraLayer is false for what is no layer', () => {
  expect(lora.isLoraLayer(undefined as never)).toBe(false);
});

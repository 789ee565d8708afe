import * as tf from '@tensorflow/tfjs';
import { expect, test } from 'vitest';
import { weightsHash } from '../../src/content-hash.ts';
import { UsageError } from '../../src/errors.ts';
import {
  addAdapter,
  addWeightedAdapter,
  baseWeights,
  injectLora,
  type LoraConfig,
  loraLayers,
  loraSummary,
  loraTargets,
  mergeLora,
  setActiveAdapters,
  setAdapterStrength,
  unloadLora,
} from '../../src/lora/index.ts';
import { cloneModel } from '../../src/models/index.ts';
import type { TrainingTask } from '../../src/training/index.ts';
import { inspectAdapters } from '../../src/verification/index.ts';
import { lossesOf } from '../helpers/engines.ts';
import { largestDifference } from '../helpers/parity.ts';
import { reload } from '../helpers/reload.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { gradientError } from './gradients.ts';
import { layerAt, outputsOf, randomizeAdapter, randomTensor, sequential } from './models.ts';

useDevice();

/** Attention over [batch, steps, width] with its projections in one weight [3, width, width], a scale and a constant. */
class StackedAttention extends tf.layers.Layer {
  static className = 'StackedAttention';
  protected projections!: tf.LayerVariable;
  private gain!: tf.LayerVariable;

  override build(inputShape: tf.Shape): void {
    const width = inputShape.at(-1)!;
    const initializer = tf.initializers.glorotNormal({ seed: 1 });
    this.projections = this.addWeight('projections', [3, width, width], 'float32', initializer);
    this.gain = this.addWeight('gain', [width], 'float32', tf.initializers.ones());
    this.addWeight('constant', [1], 'float32', tf.initializers.zeros(), undefined, false);
    this.built = true;
  }

  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const x = [inputs].flat()[0]!;
      const [q, k, v] = tf.unstack(tf.einsum('bsi,pio->pbso', x, this.projections.read()));
      const scores = tf.softmax(tf.matMul(q!, k!, false, true));
      return tf.mul(tf.matMul(scores, v!), this.gain.read());
    });
  }

  override computeOutputShape(inputShape: tf.Shape): tf.Shape {
    return inputShape;
  }
}

/** A class whose instances made from a configuration are always of the class itself. */
class Sealed extends StackedAttention {
  static override className = 'Sealed';
  static override fromConfig<T extends tf.serialization.Serializable>(
    _: tf.serialization.SerializableConstructor<T>,
    config: tf.serialization.ConfigDict,
  ): T {
    return new Sealed(config) as unknown as T;
  }
}

/** A class that names itself by a method, as older programs do. */
class NamedByMethod extends StackedAttention {
  static override get className() {
    return 'NamedByMethod';
  }
  override getClassName(): string {
    return 'NamedByMethod';
  }
}

for (const Class of [StackedAttention, Sealed, NamedByMethod])
  tf.serialization.registerClass(Class as unknown as Parameters<typeof tf.serialization.registerClass>[0]);

const attentionModel = (Class = StackedAttention) =>
  sequential(
    new Class({ name: 'attention', inputShape: [3, 4] } as object),
    tf.layers.flatten(),
    tf.layers.dense({ name: 'out', units: 2 }),
  );
const attention: LoraConfig = { rank: 2, alpha: 3, targetWeights: ['attention.projections'] };

test('adapts stacked matrices of a registered class', async () => {
  const base = attentionModel();
  const adapted = injectLora(base, attention);
  expect(loraLayers(adapted).map(({ path }) => path)).toEqual(['attention']);
  expect(adapted.trainableWeights.map(({ originalName, shape }) => [originalName, shape])).toEqual([
    ['attention/default/projections/lora_A', [3, 4, 2]],
    ['attention/default/projections/lora_B', [3, 2, 4]],
  ]);
  expect(outputsOf(adapted)).toEqual(outputsOf(base));
  randomizeAdapter(adapted);
  const expected = outputsOf(adapted);
  expect(largestDifference(expected, outputsOf(base))).toBeGreaterThan(1e-2);
  expect(gradientError(adapted, randomTensor([2, 3, 4], 5))).toBeLessThan(1e-2);
  const merged = mergeLora(adapted);
  expect(merged.getLayer('attention').getClassName()).toBe('StackedAttention');
  expect(largestDifference(outputsOf(merged), expected)).toBeLessThan(1e-5);
  expect(outputsOf(await reload(adapted))).toEqual(expected);
  expect(outputsOf(cloneModel(adapted))).toEqual(expected);
  setAdapterStrength(adapted, 0);
  expect(outputsOf(adapted)).toEqual(outputsOf(base));
  expect(weightsHash(baseWeights(unloadLora(adapted)))).toBe(weightsHash(baseWeights(base)));
});

test.each([
  ['cat', 1e-5, undefined],
  ['svd', 1e-5, 3],
] as const)('combines adapters of stacked matrices: %s', (type, allowed, rank) => {
  const model = injectLora(attentionModel(), attention);
  addAdapter(model, 'second', { ...attention, rank: 1, alpha: 2 });
  setActiveAdapters(model, ['default', 'second']);
  randomizeAdapter(model);
  const adapters = [
    { name: 'default', weight: 0.7 },
    { name: 'second', weight: 0.4 },
  ];
  for (const { name, weight } of adapters) setAdapterStrength(model, weight, name);
  const expected = outputsOf(model);
  addWeightedAdapter(model, { name: 'both', type, adapters, ...(rank && { rank }) });
  setActiveAdapters(model, ['both']);
  expect(largestDifference(outputsOf(model), expected)).toBeLessThan(allowed);
  setAdapterStrength(model, 0.5, 'both');
  expect(largestDifference(outputsOf(model), expected)).toBeGreaterThan(1e-3);
});

test('adds s·A·B to each matrix of a stack', () => {
  const adapted = injectLora(attentionModel(), attention);
  randomizeAdapter(adapted);
  const layer = layerAt(adapted, 'attention');
  const { a, b } = layer.adapters.get('default')!.updates.get('projections')!;
  const base = tf.unstack(layer.baseWeights.get('projections')!.read());
  const [left, right] = [tf.unstack(a.read()), tf.unstack(b.read())];
  const expected = tf.stack(
    base.map((matrix, index) => tf.add(matrix, tf.mul(tf.matMul(left[index]!, right[index]!), 3 / 2))),
  );
  expect(largestDifference(layer.mergedWeight('projections').dataSync(), expected.dataSync())).toBeLessThan(
    1e-6,
  );
});

test('DoRA has a magnitude for each output of each matrix of a stack', async () => {
  const base = attentionModel();
  const adapted = injectLora(base, { ...attention, dora: true });
  expect(outputsOf(adapted)).toEqual(outputsOf(base));
  randomizeAdapter(adapted);
  const layer = layerAt(adapted, 'attention');
  const { a, b, magnitude } = layer.adapters.get('default')!.updates.get('projections')!;
  expect(magnitude!.shape).toEqual([3, 4]);
  const stacks = [layer.baseWeights.get('projections')!, a, b, magnitude!].map((weight) =>
    tf.unstack(weight.read() as tf.Tensor),
  );
  const expected = tf.stack(
    stacks[0]!.map((matrix, index) => {
      const [left, right, m] = stacks.slice(1).map((stack) => stack[index]!);
      const sum = tf.add(matrix, tf.mul(tf.matMul(left!, right!), 3 / 2));
      return tf.mul(tf.div(sum, tf.norm(sum, 'euclidean', 0)), m!);
    }),
  );
  const merged = layer.mergedWeight('projections');
  expect(largestDifference(merged.dataSync(), expected.dataSync())).toBeLessThan(1e-5);
  expect(outputsOf(await reload(adapted))).toEqual(outputsOf(adapted));
});

test('lists, summarizes and inspects the weights of a registered class', () => {
  const base = attentionModel();
  expect(loraTargets(base, attention)).toEqual([
    {
      path: 'attention',
      className: 'StackedAttention',
      weight: 'projections',
      shape: [3, 4, 4],
      parametersPerRank: 24,
      usableRank: 4,
      rank: 2,
    },
    {
      path: 'out',
      className: 'Dense',
      weight: 'kernel',
      shape: [12, 2],
      parametersPerRank: 14,
      usableRank: 2,
    },
  ]);
  const adapted = injectLora(base, attention);
  randomizeAdapter(adapted);
  expect(loraSummary(adapted).layers[0]).toMatchObject({ weight: 'projections', trainableParameters: 48 });
  const [inspection] = inspectAdapters(adapted);
  expect(inspection).toMatchObject({ type: 'StackedAttention', kernelShape: [3, 4, 4] });
  expect(inspection!.singularValues).toHaveLength(6);
});

test('a registered class without A and B can have trained copies and further adapters', async () => {
  const base = attentionModel();
  const adapted = injectLora(base, { rank: 1, targets: ['out'], modulesToSave: ['attention'] });
  expect(adapted.trainableWeights.map(({ shape }) => shape)).toEqual([[3, 4, 4], [4], [12, 1], [1, 2]]);
  addAdapter(adapted, 'second', attention);
  setActiveAdapters(adapted, ['default', 'second']);
  randomizeAdapter(adapted);
  expect(outputsOf(await reload(adapted))).toEqual(outputsOf(adapted));
  expect(largestDifference(outputsOf(mergeLora(adapted)), outputsOf(adapted))).toBeLessThan(1e-5);
});

test('adapts a weight that its layer does not update by default, together with one that it does', async () => {
  const base = sequential(
    tf.layers.separableConv2d({ name: 'conv', inputShape: [5, 5, 2], filters: 3, kernelSize: 2 }),
    tf.layers.flatten(),
    tf.layers.dense({ name: 'out', units: 2 }),
  );
  const adapted = injectLora(base, {
    rank: 2,
    alpha: 3,
    targets: ['conv'],
    targetWeights: ['conv.depthwise_kernel'],
  });
  expect(adapted.trainableWeights.map(({ originalName }) => originalName)).toEqual([
    'conv/default/depthwise_kernel/lora_A',
    'conv/default/depthwise_kernel/lora_B',
    'conv/default/lora_A',
    'conv/default/lora_B',
  ]);
  randomizeAdapter(adapted);
  expect(gradientError(adapted, randomTensor([2, 5, 5, 2], 5))).toBeLessThan(1e-2);
  expect(largestDifference(outputsOf(mergeLora(adapted)), outputsOf(adapted))).toBeLessThan(1e-5);
  expect(outputsOf(await reload(adapted))).toEqual(outputsOf(adapted));
});

test('the kernel of a dense layer is adapted in the same way by targets and by targetWeights', () => {
  const base = attentionModel();
  const byLayer = injectLora(base, { rank: 2, targets: ['out'] });
  const byWeight = injectLora(base, { rank: 2, targetWeights: ['out.kernel'], dropout: 0.1 });
  expect(byWeight.trainableWeights.map(({ originalName }) => originalName)).toEqual(
    byLayer.trainableWeights.map(({ originalName }) => originalName),
  );
});

test.each<[string, LoraConfig, RegExp]>([
  [
    'an unknown weight',
    { targetWeights: ['attention.projection'] },
    /^targetWeights 'attention\.projection': matches no weight with two or more axes; the model has attention\.projections, out\.kernel$/,
  ],
  [
    "'all', which is an expression here",
    { targetWeights: 'all' },
    /^targetWeights 'all': matches no weight with two or more axes; the model has attention\.projections, out\.kernel$/,
  ],
  ['a vector', { targetWeights: ['gain'] }, /^targetWeights 'gain': matches no weight with two or more axes/],
  [
    'a weight that is excluded',
    { targetWeights: ['attention.projections'], exclude: ['attention'] },
    /matches no weight with two or more axes; 'exclude', 'from' and 'modulesToSave' leave out\.kernel/,
  ],
  [
    'a layer without a default',
    { targets: ['attention'] },
    /layer 'attention' \(StackedAttention\): does not support method 'side' by default; name its weights in targetWeights: attention\.projections/,
  ],
  [
    'dropout',
    { ...attention, dropout: 0.1 },
    /does not support dropout, because its update is added to the kernel; set dropout to 0, or leave the layer out with 'exclude'/,
  ],
  ['PiSSA', { ...attention, init: 'pissa' }, /several matrices in one kernel do not support init 'pissa'/],
])('refuses %s', (_title, config, message) => {
  const model = attentionModel();
  const { numTensors } = tf.memory();
  expect(() => injectLora(model, config)).toThrow(UsageError);
  expect(() => injectLora(model, config)).toThrow(message);
  expect(tf.memory().numTensors).toBe(numTensors);
});

test('a class that ignores the class in fromConfig stays frozen, and is refused as a target', () => {
  const model = attentionModel(Sealed);
  const adapted = injectLora(model, { rank: 1 });
  expect(largestDifference(outputsOf(adapted), outputsOf(model))).toBeLessThan(1e-6);
  expect(loraLayers(adapted).map(({ path }) => path)).toEqual(['out']);
  const message = /layer 'attention' \(Sealed\): cannot be adapted, because Sealed\.fromConfig/;
  const { numTensors } = tf.memory();
  expect(() => injectLora(model, attention)).toThrow(message);
  expect(tf.memory().numTensors).toBe(numTensors);
  expect(() => addAdapter(adapted, 'second', attention)).toThrow(message);
});

test('the engines train a registered class with the same losses', () => {
  const rows = 8;
  const losses = (['eager', 'graph', 'xla'] as const).map((kind) => {
    const model = injectLora(attentionModel(), { ...attention, targets: ['out'] });
    const task: TrainingTask = {
      model,
      loss: (inputs) => tf.mean(tf.square(model.apply(inputs, { training: true }) as tf.Tensor)),
      data: {
        rows,
        inputs: [{ values: randomTensor([rows, 3, 4], 11).dataSync<'float32'>(), featureShape: [3, 4] }],
        labels: { values: randomTensor([rows], 12).dataSync<'float32'>(), featureShape: [] },
      },
      batchSize: rows,
      optimizer: { rule: { kind: 'adam' }, learningRate: 1e-2 },
      seed: 0,
    };
    return lossesOf(kind, task, 10);
  });
  expect(losses[0]!.at(-1)).toBeLessThan(losses[0]![0]!);
  expect(largestDifference(losses[1]!, losses[0]!)).toBeLessThan(1e-5);
  expect(largestDifference(losses[2]!, losses[0]!)).toBeLessThan(1e-5);
});

test('a class that names itself by a method is saved and unloaded', async () => {
  const base = attentionModel(NamedByMethod);
  const adapted = injectLora(base, attention);
  randomizeAdapter(adapted);
  const loaded = await reload(adapted);
  expect(loraLayers(loaded).map(({ path }) => path)).toEqual(['attention']);
  expect(outputsOf(loaded)).toEqual(outputsOf(adapted));
  expect(outputsOf(unloadLora(loaded))).toEqual(outputsOf(base));
});

test('a saved model of a class that is not registered is refused by name', async () => {
  const adapted = injectLora(attentionModel(), attention);
  const { classNameMap } = tf.serialization.SerializationMap.getMap();
  const entry = classNameMap.StackedAttention!;
  delete classNameMap.StackedAttention;
  try {
    await expect(reload(adapted)).rejects.toThrow(
      /layer class 'StackedAttention': unknown to tfjs; call tf\.serialization\.registerClass/,
    );
  } finally {
    classNameMap.StackedAttention = entry;
  }
});

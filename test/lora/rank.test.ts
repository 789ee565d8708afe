import * as tf from '@tensorflow/tfjs';
import { Matrix } from 'ml-matrix';
import { describe, expect, test } from 'vitest';
import {
  addAdapter,
  addWeightedAdapter,
  injectLora,
  type LoraConfig,
  loraCost,
  loraLayers,
  loraSummary,
  mergeLora,
  setActiveAdapters,
  updateSpectrum,
} from '../../src/lora/index.ts';
import { largestDifference } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';
import { inputsFor, layerAt, onlyUpdate, outputsOf, randomizeAdapter, sequential } from './models.ts';

useDevice();

/** Dense 6 -> 4 -> 3: every kernel is smaller than rank 8. */
function smallModel(): tf.LayersModel {
  return sequential(
    tf.layers.dense({ name: 'hidden', inputShape: [6], units: 4, activation: 'relu' }),
    tf.layers.dense({ name: 'out', units: 3 }),
  );
}

const matrix = (weight: tf.LayerVariable) => {
  const [rows, columns] = weight.shape as [number, number];
  return Matrix.from1DArray(rows, columns, [...weight.read().dataSync()]);
};

/** W + (alpha / r)·A·B in double precision. */
function expectedKernel(model: tf.LayersModel, path: string): number[] {
  const layer = layerAt(model, path);
  const { settings } = layer.adapters.get('default')!;
  const { a, b } = onlyUpdate(layer);
  const update = matrix(a)
    .mmul(matrix(b))
    .mul(settings.alpha / settings.rank);
  return matrix(layer.baseWeights.get('kernel')!).add(update).to1DArray();
}

describe('a rank above the smaller side of a kernel', () => {
  test.each<LoraConfig>([
    {},
    { rank: 16, alpha: 32 },
    { rank: 7, alpha: 3, method: 'weight' },
    { rank: 9, alpha: 4, dora: true },
    { rank: 9, method: 'weight-view' },
    { rank: 8, init: 'gaussian' },
    { rank: 8, init: 'normal' },
    { rank: 8, alpha: 3, init: 'orthogonal' },
  ])('%o: starts as the base, trains and merges', async (config) => {
    const base = smallModel();
    const adapted = injectLora(base, config);
    expect(largestDifference(outputsOf(adapted), outputsOf(base))).toBeLessThan(1e-6);
    adapted.compile({ optimizer: tf.train.adam(0.05), loss: 'meanSquaredError' });
    await adapted.fit(inputsFor(base), tf.ones([4, 3]), { epochs: 3, verbose: 0 });
    expect(largestDifference(outputsOf(adapted), outputsOf(base))).toBeGreaterThan(1e-4);
    expect(largestDifference(outputsOf(mergeLora(adapted)), outputsOf(adapted))).toBeLessThan(1e-5);
  });

  test('merges W + alpha / r · A·B', () => {
    const adapted = injectLora(smallModel(), { rank: 16, alpha: 5 });
    randomizeAdapter(adapted);
    const merged = mergeLora(adapted);
    for (const name of ['hidden', 'out']) {
      const [kernel] = merged.getLayer(name).getWeights();
      expect(largestDifference([...kernel!.dataSync()], expectedKernel(adapted, name))).toBeLessThan(1e-5);
    }
  });

  test('is used by convolutions and embeddings', () => {
    const models = [
      sequential(
        tf.layers.conv2d({ inputShape: [6, 6, 1], filters: 3, kernelSize: 3 }),
        tf.layers.depthwiseConv2d({ kernelSize: 2 }),
        tf.layers.separableConv2d({ filters: 2, kernelSize: 2 }),
      ),
      sequential(
        tf.layers.embedding({ inputDim: 5, outputDim: 4, inputLength: 6 }),
        tf.layers.conv1d({ filters: 3, kernelSize: 2 }),
      ),
      sequential(tf.layers.conv3d({ inputShape: [3, 3, 3, 1], filters: 2, kernelSize: 2 })),
    ];
    for (const base of models) {
      const inputs = inputsFor(base).map((input) => tf.abs(tf.clipByValue(input, -2, 2)));
      const adapted = injectLora(base, { rank: 12, alpha: 6 });
      randomizeAdapter(adapted);
      expect(largestDifference(outputsOf(adapted, inputs), outputsOf(base, inputs))).toBeGreaterThan(1e-2);
      expect(
        largestDifference(outputsOf(mergeLora(adapted), inputs), outputsOf(adapted, inputs)),
      ).toBeLessThan(1e-4);
    }
  });

  test('counts all values of A and B, and has at most as many singular values as the kernel', () => {
    const adapted = injectLora(smallModel(), { rank: 16, alpha: 5 });
    randomizeAdapter(adapted);
    expect(loraSummary(adapted).trainableParameters).toBe(16 * (6 + 4 + 4 + 3));
    expect(loraCost({ inputs: 6, outputs: 4, rank: 16 }).loraParameters).toBe(160);
    const layer = layerAt(adapted, 'hidden');
    const { singularValues, effectiveRank, updateNorm } = updateSpectrum(layer, 'default')!;
    const update = new Matrix([expectedKernel(adapted, 'hidden')]).sub(
      new Matrix([[...layer.baseWeights.get('kernel')!.read().dataSync()]]),
    );
    expect(singularValues).toHaveLength(4);
    expect(effectiveRank).toBeLessThanOrEqual(4);
    expect(updateNorm).toBeCloseTo(update.norm('frobenius'), 4);
  });

  test.each(['cat', 'svd'] as const)('combines adapters by %s into their weighted sum', (type) => {
    const model = injectLora(smallModel(), { rank: 5, alpha: 3 }, { adapter: 'first' });
    addAdapter(model, 'second', { rank: 9 });
    setActiveAdapters(model, ['first', 'second']);
    randomizeAdapter(model);
    const adapters = [
      { name: 'first', weight: 1 },
      { name: 'second', weight: 1 },
    ];
    const expected = outputsOf(model);
    addWeightedAdapter(model, { name: 'both', type, adapters, ...(type === 'svd' && { rank: 11 }) });
    setActiveAdapters(model, ['both']);
    const ranks = loraLayers(model).map(({ layer }) => layer.adapters.get('both')!.settings.rank);
    expect(ranks).toEqual(type === 'svd' ? [11, 11] : [14, 14]);
    expect(largestDifference(outputsOf(model), expected)).toBeLessThan(1e-5);
  });

  test('is named in one warning', () => {
    const warnings: string[] = [];
    const onWarning = (message: string) => warnings.push(message);
    const model = injectLora(smallModel(), { rank: 4, rankPattern: { hidden: 3 } }, { onWarning });
    expect(warnings).toEqual([
      "adapter 'default': its rank is larger than the smaller side of the kernel at 'out' (rank 4, 4 x 3); a lower rank gives the same updates with fewer parameters",
    ]);
    addAdapter(model, 'more', { rank: 5 }, { onWarning });
    expect(warnings).toHaveLength(2);
    expect(warnings[1]).toMatch(
      /adapter 'more': .* at 'hidden' \(rank 5, 6 x 4\), 'out' \(rank 5, 4 x 3\); /,
    );
    addAdapter(model, 'fits', { rank: 3 }, { onWarning });
    expect(warnings).toHaveLength(2);
  });

  test.each([
    ['pissa', 4, /layer 'out': init 'pissa' needs rank directions of the kernel, which has 3 \(rank 4; /],
    ['olora', 4, /layer 'out': init 'olora' needs .*set a rank of at most 3/],
    ['lora-ga', 2, /layer 'out': init 'lora-ga' needs 2 \* rank singular vectors/],
    ['orthogonal', 5, /layer 'hidden': init 'orthogonal' needs an even rank \(5\)/],
  ] as const)('is refused by name with init %s', (init, rank, message) => {
    const loss = (model: tf.LayersModel) => tf.mean(model.predict(tf.ones([1, 6])) as tf.Tensor) as tf.Scalar;
    expect(() => injectLora(smallModel(), { rank, init }, { loss })).toThrow(message);
  });
});

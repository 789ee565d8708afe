import * as tf from '@tensorflow/tfjs';
import { takeValues } from '../models/index.ts';
import { updateFactors } from './factors.ts';
import { type LayerAdapter, scalingOf } from './layers/adapter.ts';
import type { LoraLayer } from './layers/lora-layer.ts';
import { kernelName } from './layers/names.ts';
import { matrixOf, productSvd, svd } from './linear-algebra.ts';

/** How large an update is, and over how many directions it spreads. */
export interface UpdateSpectrum {
  /** Shape of the base's kernel. */
  readonly kernelShape: readonly number[];
  /** Frobenius norm of the base's kernel. */
  readonly kernelNorm: number;
  /** Frobenius norm of what the adapter adds to it at strength 1: scaling·A·B. */
  readonly updateNorm: number;
  /** Of the update, descending: `rank` of them, but for PiSSA and OLoRA twice that, and all for `weight-view`. */
  readonly singularValues: readonly number[];
  /** exp of the entropy of the squared singular values' shares: 1 when one direction does all, at most the rank; 0 for no update. */
  readonly effectiveRank: number;
}

/** What an adapter does to a kernel, without forming the product A·B; undefined where it has no A and B. */
export function updateSpectrum(layer: LoraLayer, adapter: string): UpdateSpectrum | undefined {
  const found = layer.adapters.get(adapter);
  if (!found?.a) return undefined;
  const kernel = layer.baseWeights.get(kernelName(layer.kind!))!.read();
  const scaling = scalingOf(found.settings);
  const product = layer.method === 'weight-view' ? viewedValues(layer, found) : productValues(layer, found);
  const singularValues = product.map((value) => value * scaling);
  const squares = singularValues.map((value) => value ** 2);
  const total = squares.reduce((sum, value) => sum + value, 0);
  const entropy = squares
    .map((value) => value / total)
    .filter((share) => share > 0)
    .reduce((sum, share) => sum - share * Math.log(share), 0);
  return {
    kernelShape: kernel.shape,
    kernelNorm: tf.tidy(() => tf.norm(kernel).dataSync()[0]!),
    updateNorm: Math.sqrt(total),
    singularValues,
    effectiveRank: total > 0 ? Math.exp(entropy) : 0,
  };
}

function productValues(layer: LoraLayer, adapter: LayerAdapter): readonly number[] {
  const { a, b } = updateFactors(layer, adapter);
  return productSvd(a, b).s;
}

function viewedValues(layer: LoraLayer, { a, b }: LayerAdapter): readonly number[] {
  const [inputs, outputs] = layer.baseWeights.get('kernel')!.shape as [number, number];
  const update = tf.tidy(() => layer.kind!.update(a!.read(), b!.read(), [inputs, outputs]));
  return svd(matrixOf(takeValues(update), inputs, outputs)).s;
}

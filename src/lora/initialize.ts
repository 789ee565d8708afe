import * as tf from '@tensorflow/tfjs';
import { createRandom, type Random } from '../random.ts';
import type { ResolvedLoraConfig } from './config.ts';
import { type LayerAdapter, variableOf } from './layers/adapter.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';
import { kernelName } from './layers/names.ts';
import { placedLayers } from './topology.ts';

/**
 * Gives an adapter its first values, at which it changes nothing: copies are the base's weights, A and B as
 * `config.init` says. Each layer has its own random stream under the seed.
 */
export function initializeAdapter(model: tf.LayersModel, name: string, config: ResolvedLoraConfig): void {
  placedLayers(model).forEach(({ layer }, index) => {
    const adapter = isLoraLayer(layer) ? layer.adapters.get(name) : undefined;
    if (!adapter) return;
    const { baseWeights } = layer as LoraLayer;
    for (const [part, copy] of adapter.copies) variableOf(copy).assign(baseWeights.get(part)!.read());
    if (adapter.a)
      tf.tidy(() => initializeLayer(layer as LoraLayer, adapter, config, createRandom(config.seed, index)));
  });
}

function initializeLayer(
  layer: LoraLayer,
  adapter: LayerAdapter,
  { init }: ResolvedLoraConfig,
  random: Random,
): void {
  const a = adapter.a!;
  const fill = (draw: () => number) => {
    const values = Float32Array.from({ length: a.shape.reduce((x, y) => x! * y!, 1)! }, draw);
    variableOf(a).assign(tf.tensor(values, a.shape as number[]));
  };
  const kernel = layer.baseWeights.get(kernelName(layer.kind!))!;
  const { inputs } = layer.kind!.sides(kernel.shape as number[]);
  const bound = 1 / Math.sqrt(inputs);
  if (init === 'kaiming') fill(() => bound * (2 * random.uniform() - 1));
  if (init === 'gaussian') fill(() => random.normal() / adapter.settings.rank);
  if (init === 'normal') fill(() => random.normal());
}

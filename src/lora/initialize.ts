import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { namedLayers, variableOf } from '../models/index.ts';
import { createRandom, type Random } from '../random.ts';
import type { LoraInit, ResolvedLoraConfig } from './config.ts';
import type { FactorPair } from './factors.ts';
import { type LayerAdapter, scalingOf } from './layers/adapter.ts';
import { kernelNorm } from './layers/dora.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';
import { kernelName } from './layers/names.ts';
import { matrixOf, valuesOf } from './linear-algebra.ts';
import { loraGaFactors, oloraFactors, orthogonalFactors, pissaFactors } from './start-factors.ts';

/** What a start needs besides the configuration. */
export interface InitOptions {
  /** For init `lora-ga`: the mean loss of a batch, or of several, that the adapter is to be trained on. */
  readonly loss?: (model: tf.LayersModel) => tf.Scalar;
}

/** @throws UsageError when the start needs a loss and has none */
export function checkStart({ init }: Pick<ResolvedLoraConfig, 'init'>, loss: InitOptions['loss']): void {
  if (init === 'lora-ga' && !loss)
    throw new UsageError(
      'invalid-argument',
      "init 'lora-ga' starts from a gradient; pass the loss of a batch as option `loss`",
    );
}

/**
 * Gives an adapter its first values, at which it changes nothing: copies are the base's weights, A and B as
 * `config.init` says. Each layer has its own random stream under the seed.
 */
export function initializeAdapter(
  model: tf.LayersModel,
  name: string,
  { init, seed }: Pick<ResolvedLoraConfig, 'init' | 'seed'>,
  loss?: InitOptions['loss'],
): void {
  tf.tidy(() => {
    const layers = namedLayers(model).flatMap(({ layer }, index) => {
      const adapter = isLoraLayer(layer) ? layer.adapters.get(name) : undefined;
      return adapter ? [{ layer: layer as LoraLayer, adapter, index }] : [];
    });
    for (const { layer, adapter } of layers)
      for (const [part, copy] of adapter.trainedCopies)
        variableOf(copy).assign(layer.baseWeights.get(part)!.read());
    const lowRank = layers.filter(({ adapter }) => adapter.a);
    // Before gradients: with a length of 0 the layer gives nothing.
    for (const { layer, adapter } of lowRank)
      if (adapter.magnitude) variableOf(adapter.magnitude).assign(kernelNorm(layer.kind!, kernelOf(layer)));
    const gradients = init === 'lora-ga' ? kernelGradients(model, lowRank, loss!) : undefined;
    lowRank.forEach(({ layer, adapter, index }, order) => {
      startFactors(layer, adapter, init, createRandom(seed, index), gradients?.[order]);
    });
  });
}

/** Gradients of the loss by the kernels of layers, in their shapes. */
function kernelGradients(
  model: tf.LayersModel,
  layers: readonly { readonly layer: LoraLayer }[],
  loss: (model: tf.LayersModel) => tf.Scalar,
): tf.Tensor[] {
  return tf.grads(() => loss(model))(layers.map(({ layer }) => kernelOf(layer)));
}

function kernelOf({ baseWeights, kind }: LoraLayer): tf.Tensor {
  return baseWeights.get(kernelName(kind!))!.read();
}

function startFactors(
  layer: LoraLayer,
  adapter: LayerAdapter,
  init: LoraInit,
  random: Random,
  gradient?: tf.Tensor,
): void {
  const kind = layer.kind!;
  const kernel = kernelOf(layer);
  const { inputs, outputs } = kind.sides(kernel.shape);
  const asMatrix = (tensor: tf.Tensor) => tensor.reshape([inputs, outputs]) as tf.Tensor2D;
  const { rank } = adapter.settings;
  const { a, b } = startValues(init, random, {
    inputs,
    outputs,
    rank,
    scaling: scalingOf(adapter.settings),
    embedding: kind.name === 'embedding',
    sizeOfA: variableOf(adapter.a!).size,
    kernel: () => asMatrix(kernel),
    gradient: () => asMatrix(gradient!),
  });
  const put = (weight: tf.LayerVariable | undefined, values: Float32Array | undefined) => {
    if (weight && values) variableOf(weight).assign(tf.tensor(values, weight.shape as number[]));
  };
  put(adapter.a, a);
  put(adapter.b, b);
  put(adapter.initialA, a);
  put(adapter.initialB, b);
}

interface Place {
  readonly inputs: number;
  readonly outputs: number;
  readonly rank: number;
  readonly scaling: number;
  readonly embedding: boolean;
  /** Values in A: rank · inputs, but for `weight-view`, whose A has the outputs. */
  readonly sizeOfA: number;
  /** [inputs, outputs] */
  kernel(): tf.Tensor2D;
  /** Of the loss by the kernel, [inputs, outputs]. */
  gradient(): tf.Tensor2D;
}

interface Start {
  /** Absent where the factor stays zero. */
  readonly a?: Float32Array;
  readonly b?: Float32Array;
}

function startValues(init: LoraInit, random: Random, place: Place): Start {
  const { inputs, outputs, rank, scaling } = place;
  const normal = (rows: number, columns: number) =>
    matrixOf(
      Array.from({ length: rows * columns }, () => random.normal()),
      rows,
      columns,
    );
  const draw = (next: () => number): Start => {
    // PEFT draws B of an embedding, normal, and leaves A at zero.
    if (place.embedding) return { b: Float32Array.from({ length: rank * outputs }, () => random.normal()) };
    return { a: Float32Array.from({ length: place.sizeOfA }, next) };
  };
  switch (init) {
    case 'kaiming':
      return draw(() => (2 * random.uniform() - 1) / Math.sqrt(inputs));
    case 'gaussian':
      return draw(() => random.normal() / rank);
    case 'normal':
      return draw(() => random.normal());
    case 'orthogonal':
      return values(
        orthogonalFactors(normal(rank, rank), normal(inputs, rank / 2), normal(rank / 2, outputs)),
      );
    case 'pissa':
      return values(pissaFactors(place.kernel(), rank, scaling));
    case 'olora':
      return values(oloraFactors(place.kernel(), rank));
    case 'lora-ga':
      return values(loraGaFactors(place.gradient(), rank));
  }
}

const values = ({ a, b }: FactorPair): Start => ({ a: valuesOf(a), b: valuesOf(b) });

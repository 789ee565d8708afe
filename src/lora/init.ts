import * as tf from '@tensorflow/tfjs';
import { checkFunction, checkObject } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { namedLayers, variableOf } from '../models/index.ts';
import { createRandom, type Random } from '../random.ts';
import type { LoraInit, ResolvedLoraConfig } from './config.ts';
import { initialFactors } from './init-factors.ts';
import { type LayerAdapter, scalingOf } from './layers/adapter.ts';
import { kernelNorm } from './layers/delta-weight.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';

/** Input of an initialization in addition to the configuration. */
export interface InitOptions<Model = tf.LayersModel> {
  /**
   * For init `lora-ga`: returns the mean loss of one or more batches of the training data, a float32 scalar. `model` is
   * the adapted model, whose outputs are those of the base at that point.
   */
  readonly loss?: (model: Model) => tf.Scalar;
}

/** Options of a new adapter in addition to its configuration. */
export interface AdapterOptions<Model = tf.LayersModel> extends InitOptions<Model> {
  /** Called with one line for each option that is probably not intended, such as a rank above a layer's smaller side. */
  readonly onWarning?: (message: string) => void;
}

/** @throws UsageError if an option is not what its type says */
export function checkAdapterOptions(options: AdapterOptions<never>): void {
  checkObject('adapter options', options);
  checkFunction('loss', options.loss);
  checkFunction('onWarning', options.onWarning);
}

/** @throws UsageError if the initialization needs a loss and there is none */
export function checkInit(
  { init }: Pick<ResolvedLoraConfig, 'init'>,
  loss: InitOptions<never>['loss'],
): void {
  if (init === 'lora-ga' && !loss)
    throw new UsageError(
      'invalid-argument',
      "init 'lora-ga': needs a gradient; pass the loss of a batch as option 'loss'",
    );
}

/**
 * Gives a new adapter its initial values, with which the model computes what its base computes: A and B by
 * `config.init`, the magnitude of DoRA the norm of the kernel, and trained copies the values of the base. Each layer
 * has its own random stream under the seed.
 */
export function initializeAdapter(
  model: AdaptableModel,
  name: string,
  { init, seed }: Pick<ResolvedLoraConfig, 'init' | 'seed'>,
  loss?: InitOptions<never>['loss'],
): void {
  tf.tidy(() => {
    const layers = namedLayers(model).flatMap(({ layer }, index) => {
      const adapter = isLoraLayer(layer) ? layer.adapters.get(name) : undefined;
      return adapter ? [{ layer: layer as LoraLayer, adapter, index }] : [];
    });
    for (const { layer, adapter } of layers) {
      for (const [weightName, copy] of adapter.trainedCopies)
        variableOf(copy).assign(layer.baseWeights.get(weightName)!.read());
    }
    const lowRank = layers.filter(({ adapter }) => adapter.a);
    // Before the gradients: with a magnitude of 0 a layer's output is 0.
    for (const { layer, adapter } of lowRank)
      if (adapter.magnitude) variableOf(adapter.magnitude).assign(kernelNorm(layer.kind!, kernelOf(layer)));
    const gradients =
      init === 'lora-ga'
        ? tf.grads(() => loss!(model as never))(lowRank.map(({ layer }) => kernelOf(layer)))
        : undefined;
    lowRank.forEach(({ layer, adapter, index }, position) => {
      const random = createRandom(seed, index);
      assignFactors(adapter, layer, { init, random, gradient: gradients?.[position] });
    });
  });
}

interface FactorInit {
  readonly init: LoraInit;
  readonly random: Random;
  /** Gradient of the loss with respect to the kernel, in its shape; only for `lora-ga`. */
  readonly gradient: tf.Tensor | undefined;
}

/** Assigns the initial A and B. */
function assignFactors(
  adapter: LayerAdapter,
  layer: LoraLayer,
  { init, random, gradient }: FactorInit,
): void {
  const kernel = kernelOf(layer);
  const { inputs, outputs } = layer.kind!.matrixShape(kernel.shape);
  const toMatrix = (tensor: tf.Tensor) =>
    layer.kind!.toMatrix?.(tensor) ?? (tensor.reshape([inputs, outputs]) as tf.Tensor2D);
  const { a, b } = initialFactors(init, random, {
    inputs,
    outputs,
    rank: adapter.settings.rank,
    scaling: scalingOf(adapter.settings),
    isEmbedding: layer.kind!.name === 'embedding',
    sizeOfA: variableOf(adapter.a!).size,
    kernel: () => toMatrix(kernel),
    gradient: () => toMatrix(gradient!),
  });
  const assign = (weight: tf.LayerVariable | undefined, values: Float32Array | undefined) => {
    if (weight && values) variableOf(weight).assign(tf.tensor(values, weight.shape as number[]));
  };
  assign(adapter.a, a);
  assign(adapter.b, b);
  assign(adapter.initialA, a);
  assign(adapter.initialB, b);
}

function kernelOf({ baseWeights, kind }: LoraLayer): tf.Tensor {
  return baseWeights.get(kind!.kernelName)!.read();
}

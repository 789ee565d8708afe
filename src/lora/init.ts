import * as tf from '@tensorflow/tfjs';
import { checkArgument, checkFieldNames, checkFunction, checkObject, wrongArgument } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { namedLayers, variableOf } from '../models/index.ts';
import { createRandom, type Random } from '../random.ts';
import type { LoraInit, ResolvedLoraConfig } from './config.ts';
import { initialFactors } from './init-factors.ts';
import { type AdapterSettings, type KernelUpdate, scalingOf } from './layers/adapter.ts';
import { kernelNorm } from './layers/delta-weight.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';
import type { ModelInputs } from './model-inputs.ts';

/** Input of an initialization in addition to the configuration. */
export interface InitOptions<Model = tf.LayersModel> {
  /**
   * For init `lora-ga`: returns the mean loss of one or more batches of the training data, a float32 scalar. `model` is
   * the adapted model, whose outputs are those of the base at that point.
   */
  readonly loss?: (model: Model) => tf.Scalar;
  /**
   * For init `eva`: batches of inputs, as `predict` takes them; several if that is more than memory allows at once. They are
   * used again until the components have converged.
   */
  readonly batches?: readonly ModelInputs[];
}

/** Options of a new adapter in addition to its configuration. */
export interface AdapterOptions<Model = tf.LayersModel> extends InitOptions<Model> {
  /** Called with one line for each option that is probably not intended, such as a rank above a layer's smaller side. */
  readonly onWarning?: (message: string) => void;
}

/**
 * @param others names of options that the caller has in addition
 * @throws UsageError if an option is unknown, or not what its type says
 */
export function checkAdapterOptions(options: AdapterOptions<never>, others: readonly string[] = []): void {
  checkObject('adapter options', options);
  checkFieldNames('adapter options', options, ['loss', 'batches', 'onWarning', ...others]);
  checkFunction('loss', options.loss);
  checkArgument('batches', options.batches, 'list?');
  checkFunction('onWarning', options.onWarning);
}

/** @throws UsageError if the initialization needs data and there is none */
export function checkInit(
  { init }: Pick<ResolvedLoraConfig, 'init'>,
  { loss, batches }: InitOptions<never>,
): void {
  if (init === 'lora-ga' && !loss)
    throw new UsageError(
      'invalid-argument',
      "init 'lora-ga': needs a gradient; pass the loss of a batch as option 'loss'",
    );
  if (init === 'eva' && !batches?.length)
    throw new UsageError(
      'invalid-argument',
      "init 'eva': needs inputs of the layers; pass batches of the model's inputs as option 'batches'",
    );
}

/** Sources of the initial values other than the weights. */
interface InitialValues extends Pick<InitOptions<never>, 'loss'> {
  /** Row-major values of A [inputs, rank] by layer path, which replace those of the initialization. */
  readonly initialA?: ReadonlyMap<string, Float32Array>;
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
  { loss, initialA }: InitialValues = {},
): void {
  tf.tidy(() => {
    const layers = namedLayers(model).flatMap(({ path, layer }, index) => {
      const adapter = isLoraLayer(layer) ? layer.adapters.get(name) : undefined;
      return adapter ? [{ path, layer: layer as LoraLayer, adapter, index }] : [];
    });
    for (const { layer, adapter } of layers) {
      for (const [weightName, copy] of adapter.trainedCopies)
        variableOf(copy).assign(layer.baseWeights.get(weightName)!.read());
    }
    const updates = layers.flatMap(({ path, layer, adapter: { settings, updates }, index }) => {
      const random = createRandom(seed, index);
      return [...updates.values()].map((update) => ({
        update,
        values: initialA?.get(path),
        settings,
        random,
        kernel: layer.baseWeights.get(update.kind.kernelName)!.read() as tf.Tensor,
      }));
    });
    // Before the gradients: with a magnitude of 0 a layer's output is 0.
    for (const { update, kernel } of updates)
      if (update.magnitude) variableOf(update.magnitude).assign(kernelNorm(update.kind, kernel));
    const gradients =
      init === 'lora-ga'
        ? tf.grads(() => checkLoss(loss!(model as never)))(updates.map(({ kernel }) => kernel))
        : undefined;
    updates.forEach(({ update, values, ...rest }, index) => {
      if (values) variableOf(update.a).assign(tf.tensor(values, update.a.shape as number[]));
      else assignFactors(update, { ...rest, init, gradient: gradients?.[index] });
    });
  });
}

/** @throws UsageError if the loss of a program did not return a tensor with one value */
function checkLoss(value: tf.Scalar): tf.Scalar {
  if (value instanceof tf.Tensor && value.size === 1) return value;
  throw wrongArgument('result of loss', 'a tensor with one value', value);
}

interface FactorInit {
  readonly init: LoraInit;
  readonly settings: AdapterSettings;
  readonly random: Random;
  readonly kernel: tf.Tensor;
  /** Gradient of the loss with respect to the kernel, in its shape; only for `lora-ga`. */
  readonly gradient: tf.Tensor | undefined;
}

/** Assigns the initial A and B. */
function assignFactors(update: KernelUpdate, { init, settings, random, kernel, gradient }: FactorInit): void {
  const { kind } = update;
  const { inputs, outputs } = kind.matrixShape(kernel.shape);
  const toMatrix = (tensor: tf.Tensor) =>
    kind.toMatrix?.(tensor) ?? (tensor.reshape([inputs, outputs]) as tf.Tensor2D);
  const { a, b } = initialFactors(init, random, {
    inputs,
    outputs,
    rank: settings.rank,
    scaling: scalingOf(settings),
    isEmbedding: kind.name === 'embedding',
    sizeOfA: variableOf(update.a).size,
    kernel: () => toMatrix(kernel),
    gradient: () => toMatrix(gradient!),
  });
  const assign = (weight: tf.LayerVariable | undefined, values: Float32Array | undefined) => {
    if (weight && values) variableOf(weight).assign(tf.tensor(values, weight.shape as number[]));
  };
  assign(update.a, a);
  assign(update.b, b);
  assign(update.initialA, a);
  assign(update.initialB, b);
}

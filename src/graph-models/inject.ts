import * as tf from '@tensorflow/tfjs';
import { checkObject } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import { type AdaptableModel, isLayeredGraphModel } from '../layers-model.ts';
import {
  type AdapterOptions,
  addAdapter,
  type InjectOptions,
  injectLora as injectIntoLayers,
  type LoraConfig,
  type LoraMethod,
  type LoraTarget,
  loraTargets as listTargets,
  resolveLoraConfig,
  setActiveAdapters,
} from '../lora/index.ts';
import { LoraGraphModel } from './lora-graph-model.ts';

/**
 * Returns an adapted copy of a model: the same layers with the same weights, frozen, and a trainable low-rank update
 * for each target. At first its outputs are exactly those of the base. The input model does not change, and the caller
 * disposes both.
 *
 * A LayersModel gives a LayersModel. Compile it before `fit`. It saves, loads and clones like any LayersModel in programs
 * that import this library.
 *
 * A GraphModel gives a `LoraGraphModel`, which shares the memory of the base's weights and predicts like it. Its
 * targets are nodes with a constant kernel (MatMul, BatchMatMul, Einsum, Conv1D, Conv2D, Conv3D, depthwise convolutions, Gather, fused
 * or not), selected by node name. The update is added to the kernel for the time of a call, so `dropout` is not supported. Train `model.trainableWeights`.
 *
 * `mergeLora` turns both into plain models.
 *
 * @throws UsageError if the model already has adapters, an option is out of range, no layer matches a pattern, a
 *   layer does not support an option, or an op without a gradient lies between a target of a GraphModel and its outputs
 *
 * @example
 * const model = injectLora(await tf.loadGraphModel(url), { rank: 4, alpha: 8 });
 * const variables = model.trainableWeights.map((weight) => weight.read());
 * optimizer.minimize(() => loss(model.predict(x)), false, variables);
 */
export function injectLora(
  model: tf.LayersModel,
  config?: LoraConfig,
  options?: InjectOptions,
): tf.LayersModel;
export function injectLora(
  model: tf.GraphModel,
  config?: LoraConfig,
  options?: InjectOptions<LoraGraphModel>,
): LoraGraphModel;
export function injectLora(
  model: tf.LayersModel | tf.GraphModel,
  config?: LoraConfig,
  options?: InjectOptions<never>,
): AdaptableModel;
export function injectLora(
  model: tf.LayersModel | tf.GraphModel,
  config: LoraConfig = {},
  options: InjectOptions<never> = {},
): AdaptableModel {
  if (!(model instanceof tf.GraphModel)) return injectIntoLayers(model, config, options as InjectOptions);
  if (isLayeredGraphModel(model))
    throw new UsageError('invalid-argument', 'model: already has adapters; add another one with addAdapter');
  checkObject('adapter options', options);
  const { adapter = 'default', outputs, ...adapterOptions } = options;
  return withDispose(new LoraGraphModel(model, resolveLoraConfig(config).method, outputs), (adapted) => {
    if (adapted.layers.length === 0)
      throw new UsageError('invalid-argument', 'model: the graph has no weights that its outputs depend on');
    addAdapter(adapted, adapter, config, adapterOptions as AdapterOptions<LoraGraphModel>);
    setActiveAdapters(adapted, [adapter]);
    return adapted;
  });
}

/** Lists the layers or nodes that `injectLora` can adapt; see `loraTargets` of `lora`. */
export function loraTargets(model: tf.LayersModel | tf.GraphModel, config: LoraConfig = {}): LoraTarget[] {
  if (!(model instanceof tf.GraphModel) || isLayeredGraphModel(model)) return listTargets(model, config);
  const layered = new LoraGraphModel(model, resolveLoraConfig(config).method);
  try {
    return listTargets(layered, config);
  } finally {
    layered.dispose();
  }
}

/**
 * Runs `use` with a model that adapters can be added to, and makes the adapter that it adds to a plain GraphModel active.
 *
 * @param model a LayersModel and an adapted GraphModel are passed on; a plain GraphModel is copied
 * @returns what `use` returns. The copy is disposed if that throws.
 */
export function withGraphLayers(
  model: tf.LayersModel | tf.GraphModel,
  { adapter, method }: { readonly adapter: string; readonly method: LoraMethod },
  use: (model: AdaptableModel) => AdaptableModel,
): tf.LayersModel | LoraGraphModel {
  if (!(model instanceof tf.GraphModel) || model instanceof LoraGraphModel)
    return use(model) as tf.LayersModel | LoraGraphModel;
  return withDispose(new LoraGraphModel(model, method), (adapted) => {
    use(adapted);
    setActiveAdapters(adapted, [adapter]);
    return adapted;
  });
}

/** Runs `use`, and disposes the model if that throws. */
function withDispose<T>(model: LoraGraphModel, use: (model: LoraGraphModel) => T): T {
  try {
    return use(model);
  } catch (error) {
    model.dispose();
    throw error;
  }
}

import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { requireLayersModel } from '../layers-model.ts';
import { namedLayers, namedModels, rebuild } from '../models/index.ts';
import { checkAdapterName } from './adapters.ts';
import { type LoraConfig, resolveLoraConfig } from './config.ts';
import { planEva } from './eva.ts';
import { type AdapterOptions, checkAdapterOptions, checkInit, initializeAdapter } from './init.ts';
import { KNOWN_CLASSES } from './layers/kernels.ts';
import { CUSTOM_CLASS, isLoraLayer, type LoraLayerConfig } from './layers/lora-layer.ts';
import './layers/register.ts';
import { weightedLayers } from './adaptable-weights.ts';
import { hasLora, requireLoraLayers } from './lora-layers.ts';
import { planAdapter } from './plan.ts';

/** Options of `injectLora` in addition to the configuration. */
export interface InjectOptions<Model = tf.LayersModel> extends AdapterOptions<Model> {
  /** Name of the adapter. Default 'default'. */
  readonly adapter?: string;
  /**
   * Of a GraphModel: names of the nodes whose outputs the loss is computed from, such as the features before a classifier.
   * Only nodes that they depend on are adapted. Default: the outputs of the model.
   */
  readonly outputs?: readonly string[];
}

/**
 * Returns an adapted copy of a model: the same layers with the same weights, frozen, and a trainable low-rank update
 * for each target. At first its outputs are exactly those of the base.
 *
 * The input model does not change, and the caller disposes both. Compile the result before `fit`. It saves, loads and
 * clones like any LayersModel in programs that import this library; `mergeLora` turns it into a plain model.
 *
 * @throws UsageError if the model already has adapters, an option is out of range, no layer matches `targets`, or a
 *   layer does not support an option
 *
 * @example
 * const model = injectLora(base, { rank: 4, alpha: 8, targets: ['hidden', 'out'] });
 * model.compile({ optimizer: tf.train.adam(1e-3), loss: 'meanSquaredError' });
 */
export function injectLora(
  model: tf.LayersModel,
  config: LoraConfig = {},
  options: InjectOptions = {},
): tf.LayersModel {
  requireLayersModel(model);
  const resolved = resolveLoraConfig(config);
  checkAdapterOptions(options, ['adapter', 'outputs']);
  const { adapter = 'default', onWarning } = options;
  if (hasLora(model))
    throw new UsageError(
      'invalid-argument',
      `model '${model.name}': already has adapters; add another one with addAdapter`,
    );
  checkAdapterName(adapter);
  checkInit(resolved, options);
  const planned = planAdapter(model, resolved, adapter, onWarning);
  const { plan, initialA } = planEva(model, planned, resolved, options);
  const { method } = resolved;
  const frozenPaths = pathsOfFrozen(model);
  const layers = new Map(weightedLayers(model).map(({ path, layer }) => [path, layer]));
  // Rather a class that is certain to become a LoRA layer, see `requireLoraLayers`.
  const [firstPath] = [...layers].find(([, layer]) => isKnown(layer.getClassName())) ?? [...layers][0] ?? [];
  // Layers that this adapter leaves unchanged become LoRA layers as well: these freeze the base's weights, have
  // gradients that tfjs lacks, and accept other adapters later.
  const adapted = rebuild(model, (path, node) => {
    node.config.trainable = true;
    if (!layers.has(path)) return;
    const settings = plan.get(path);
    node.config.lora = {
      ...(!isKnown(node.className) && { className: node.className }),
      method,
      enabled: true,
      adapters: settings ? [settings] : [],
      ...(path === firstPath && { frozenPaths }),
    } satisfies LoraLayerConfig;
    node.className = isKnown(node.className) ? `Lora${node.className}` : CUSTOM_CLASS;
  });
  for (const { layer } of namedLayers(adapted)) if (!isLoraLayer(layer)) layer.trainable = false;
  try {
    requireLoraLayers(adapted, plan.keys());
    initializeAdapter(adapted, adapter, resolved, { ...options, initialA });
  } catch (error) {
    adapted.dispose();
    throw error;
  }
  return adapted;
}

/** Whether the LoRA form of a class has a name of its own. */
const isKnown = (className: string): boolean => KNOWN_CLASSES.includes(className);

/** The layers and models that the caller has frozen. */
function pathsOfFrozen(model: tf.LayersModel): string[] {
  const layers = namedLayers(model).filter(({ layer }) => !layer.trainable);
  const models = namedModels(model).filter((named) => !named.model.trainable);
  return [...layers, ...models].map(({ path }) => path);
}

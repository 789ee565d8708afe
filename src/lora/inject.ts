import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { namedLayers, rebuild } from '../models/index.ts';
import { type LoraConfig, resolveLoraConfig } from './config.ts';
import { checkStart, type InitOptions, initializeAdapter } from './initialize.ts';
import { isLoraLayer, type LoraLayerConfig } from './layers/lora-layer.ts';
import { ADAPTABLE } from './layers/register.ts';
import { hasLora } from './lora-layers.ts';
import { planAdapter } from './plan.ts';

/** How to name an adapter, and what its start needs. */
export interface InjectOptions extends InitOptions {
  /** The adapter's name, `default` by default. */
  readonly adapter?: string;
}

/**
 * Makes an adapted model: the same layers with the same weights, frozen, and a low-rank update beside the kernel of
 * each target. It starts with exactly the base's outputs. The input model stays as it was; both are the caller's to
 * dispose. Compile the result before `fit`; it saves, loads and clones like any LayersModel where this library is
 * imported, and `mergeLora` turns it into a plain one.
 *
 * @throws UsageError when an option is out of range, no layer matches the targets, or a layer has no such adapter
 */
export function injectLora(
  model: tf.LayersModel,
  config: LoraConfig = {},
  { adapter = 'default', loss }: InjectOptions = {},
): tf.LayersModel {
  const resolved = resolveLoraConfig(config);
  if (hasLora(model))
    throw new UsageError(
      'invalid-argument',
      `model '${model.name}' has adapters already; add another with addAdapter`,
    );
  checkAdapterName(adapter);
  checkStart(resolved, loss);
  const plan = planAdapter(model, resolved, adapter);
  const { method } = resolved;
  // Layers without an adapter too: so they stay frozen, let gradients through, and can get one later.
  const adapted = rebuild(model, (path, node) => {
    node.config.trainable = true;
    if (!(node.className in ADAPTABLE)) return;
    node.className = `Lora${node.className}`;
    const settings = plan.get(path);
    node.config.lora = {
      method,
      enabled: true,
      adapters: settings ? [settings] : [],
    } satisfies LoraLayerConfig;
  });
  for (const { layer } of namedLayers(adapted)) if (!isLoraLayer(layer)) layer.trainable = false;
  initializeAdapter(adapted, adapter, resolved, loss);
  return adapted;
}

/** @throws UsageError when a name could not be part of a weight's or a folder's */
export function checkAdapterName(name: string): void {
  if (!/^[A-Za-z_][\w-]*$/.test(name))
    throw new UsageError(
      'invalid-argument',
      `adapter name '${name}' is not allowed; use letters, digits, _ and -, not a digit first`,
    );
}

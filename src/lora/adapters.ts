import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { type LoraConfig, resolveLoraConfig } from './config.ts';
import { checkStart, type InitOptions, initializeAdapter } from './initialize.ts';
import { checkAdapterName } from './inject.ts';
import { adaptableLayers, adapterNames } from './lora-layers.ts';
import { planAdapter } from './plan.ts';
import { requireAdapter } from './strength.ts';

/**
 * Adds another adapter to an adapted model, in place and at rest: `setActiveAdapters` turns to it. Its rank and
 * targets are its own; its method is the model's.
 *
 * @throws UsageError as `injectLora`, and when the name is taken; nothing is changed then
 */
export function addAdapter(
  model: tf.LayersModel,
  name: string,
  config: LoraConfig = {},
  { loss }: InitOptions = {},
): void {
  const layers = adaptableLayers(model);
  const { method } = layers[0]!.layer;
  if (config.method && config.method !== method)
    throw new UsageError(
      'invalid-argument',
      `method of adapter '${name}' is '${config.method}', and the model's is '${method}'`,
    );
  checkNewName(model, name);
  const resolved = resolveLoraConfig({ ...config, method });
  checkStart(resolved, loss);
  const plan = planAdapter(model, resolved, name);
  for (const { path, layer } of layers) {
    const settings = plan.get(path);
    if (settings) layer.addAdapter({ ...settings, active: false });
  }
  initializeAdapter(model, name, resolved, loss);
}

/**
 * Turns to these adapters, from the next call on: their effects add up, they are what trains, and all others rest.
 * Nothing is rebuilt. Compile again before `fit`, since tfjs collects what trains when it compiles.
 *
 * @throws UsageError naming an adapter that does not exist
 */
export function setActiveAdapters(model: tf.LayersModel, names: readonly string[]): void {
  for (const name of names) requireAdapter(model, name);
  const active = new Set(names);
  for (const { layer } of adaptableLayers(model)) layer.selectAdapters(active);
}

/** Names of the active adapters. */
export function activeAdapters(model: tf.LayersModel): string[] {
  const active = adaptableLayers(model).flatMap(({ layer }) =>
    [...layer.adapters.values()].filter(({ settings }) => settings.active),
  );
  return [...new Set(active.map(({ settings }) => settings.name))];
}

/**
 * Removes an adapter and frees its weights. Other adapters stay as they are; with no active one left the model is
 * its base.
 *
 * @throws UsageError when there is no such adapter
 */
export function deleteAdapter(model: tf.LayersModel, name: string): void {
  requireAdapter(model, name);
  for (const { layer } of adaptableLayers(model)) layer.removeAdapter(name);
}

/** @throws UsageError when the name is taken or not allowed */
export function checkNewName(model: tf.LayersModel, name: string): void {
  checkAdapterName(name);
  if (adapterNames(model).includes(name))
    throw new UsageError(
      'invalid-argument',
      `there is an adapter '${name}' already; delete it first, or choose another name`,
    );
}

import { checkList, checkObject, checkText } from '../arguments.ts';
import { UsageError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { type LoraConfig, resolveLoraConfig } from './config.ts';
import { planEva } from './eva.ts';
import { type AdapterOptions, checkAdapterOptions, checkInit, initializeAdapter } from './init.ts';
import { adaptableLayers, adapterNames, requireLoraLayers } from './lora-layers.ts';
import { planAdapter } from './plan.ts';

/**
 * Adds an inactive adapter to an adapted model, in place. Its options are independent of those of the other adapters,
 * except for the method, which is the same for the whole model. `setActiveAdapters` activates it.
 *
 * @throws UsageError for the reasons of `injectLora`, or if the name is taken; the model is then unchanged
 */
export function addAdapter<Model extends AdaptableModel>(
  model: Model,
  name: string,
  config: LoraConfig = {},
  options: AdapterOptions<Model> = {},
): void {
  const layers = adaptableLayers(model);
  checkObject('LoRA configuration', config);
  checkAdapterOptions(options);
  const { method } = layers[0]!.layer;
  if (config.method && config.method !== method)
    throw new UsageError(
      'invalid-argument',
      `adapter '${name}': method '${config.method}' differs from the model's '${method}'; leave 'method' out`,
    );
  checkNewName(model, name);
  const resolved = resolveLoraConfig({ ...config, method });
  checkInit(resolved, options);
  const planned = planAdapter(model, resolved, name, options.onWarning);
  requireLoraLayers(model, planned.keys());
  const { plan, initialA } = planEva(model, planned, resolved, options);
  for (const { path, layer } of layers) {
    const settings = plan.get(path);
    if (settings) layer.addAdapter({ ...settings, active: false });
  }
  try {
    initializeAdapter(model, name, resolved, { ...options, initialA });
  } catch (error) {
    deleteAdapter(model, name); // the caller's loss failed
    throw error;
  }
}

/**
 * Activates these adapters and deactivates all others, from the next call of the model on. The updates of active adapters
 * add up, and only active adapters are trained. Compile the model again before `fit`, because tfjs collects the trainable
 * weights in `compile`.
 *
 * @throws UsageError if the model has no adapter of one of these names
 *
 * @example
 * addAdapter(model, 'south', { rank: 2 });
 * setActiveAdapters(model, ['south']);
 */
export function setActiveAdapters(model: AdaptableModel, names: readonly string[]): void {
  checkList('names of adapters', names);
  for (const name of names) requireAdapter(model, name);
  const active = new Set(names);
  for (const { layer } of adaptableLayers(model)) layer.setActiveAdapters(active);
}

/** Returns the names of the active adapters. */
export function activeAdapters(model: AdaptableModel): string[] {
  const active = adaptableLayers(model).flatMap(({ layer }) =>
    [...layer.adapters.values()].filter(({ settings }) => settings.active),
  );
  return [...new Set(active.map(({ settings }) => settings.name))];
}

/**
 * Removes an adapter and disposes its weights. Other adapters do not change; if none of them is active, the model computes
 * what its base computes.
 *
 * @throws UsageError if there is no such adapter
 */
export function deleteAdapter(model: AdaptableModel, name: string): void {
  requireAdapter(model, name);
  for (const { layer } of adaptableLayers(model)) layer.removeAdapter(name);
}

/**
 * Sets the strength of one adapter or of all, from the next call of the model on. The strength multiplies the scaling
 * alpha / r of each update: at 0 the model computes exactly what its base computes; at 1, the strength of a new adapter,
 * the full update is added. Training continues at this strength, and saved models keep it.
 *
 * @param strength from 0 to 1
 * @param adapter name of the adapter; by default, all adapters are set
 * @throws UsageError if the strength is out of range or there is no such adapter
 *
 * @example
 * setAdapterStrength(model, 0.5);
 */
export function setAdapterStrength(model: AdaptableModel, strength: number, adapter?: string): void {
  if (typeof strength !== 'number' || !(strength >= 0 && strength <= 1))
    throw new UsageError('invalid-argument', `strength: must be from 0 to 1 (${strength})`);
  const names = adapter === undefined ? adapterNames(model) : [adapter];
  for (const name of names) requireAdapter(model, name);
  for (const { layer } of adaptableLayers(model)) for (const name of names) layer.setStrength(name, strength);
}

/** Turns all adapters off until `enableAdapters`: the model computes exactly what its base computes. */
export function disableAdapters(model: AdaptableModel): void {
  for (const { layer } of adaptableLayers(model)) layer.setEnabled(false);
}

/** Turns the active adapters on again, at the strengths they had. */
export function enableAdapters(model: AdaptableModel): void {
  for (const { layer } of adaptableLayers(model)) layer.setEnabled(true);
}

/** @throws UsageError if the model has no adapter of this name */
export function requireAdapter(model: AdaptableModel, name: string): void {
  const names = adapterNames(model);
  if (!names.includes(name))
    throw new UsageError(
      'invalid-argument',
      `adapter '${name}': not found; the model has ${names.join(', ') || 'none'}`,
    );
}

/** @throws UsageError if the name is taken or not allowed */
export function checkNewName(model: AdaptableModel, name: string): void {
  checkAdapterName(name);
  if (adapterNames(model).includes(name))
    throw new UsageError(
      'invalid-argument',
      `adapter '${name}': already exists; delete it first, or choose another name`,
    );
}

/** The name that stands for no adapter in `predictWithAdapters`, as in PEFT. */
export const BASE = '__base__';

/** @throws UsageError if the name means the base, or cannot be part of a weight's name or of a folder's */
export function checkAdapterName(name: string): void {
  checkText('name of the adapter', name);
  if (name === BASE)
    throw new UsageError('invalid-argument', `adapter name '${name}': means the base; choose another name`);
  if (!/^[A-Za-z_][\w-]*$/.test(name))
    throw new UsageError(
      'invalid-argument',
      `adapter name '${name}': not allowed; use letters, digits, _ and -, starting with a letter or _`,
    );
}

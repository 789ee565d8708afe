import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { adaptableLayers, adapterNames, loraLayers } from './lora-layers.ts';

/**
 * Sets how much of an adapter counts, 0 (the base, exactly) to 1 (all of it), from the next call on; by default
 * of all adapters. Nothing is rebuilt, and training or saving go on with it.
 *
 * @throws UsageError outside 0..1, or when there is no such adapter
 */
export function setAdapterStrength(model: tf.LayersModel, strength: number, adapter?: string): void {
  if (!(strength >= 0 && strength <= 1))
    throw new UsageError('invalid-argument', `strength is ${strength}; it has to be from 0 to 1`);
  const names = adapter === undefined ? adapterNames(model) : [adapter];
  for (const name of names) requireAdapter(model, name);
  for (const { layer } of loraLayers(model)) for (const name of names) layer.setStrength(name, strength);
}

/** Switches all adapters off: the model is its base, exactly, until `enableAdapters`. */
export function disableAdapters(model: tf.LayersModel): void {
  for (const { layer } of adaptableLayers(model)) layer.setEnabled(false);
}

/** Switches the active adapters on again, at the strengths they had. */
export function enableAdapters(model: tf.LayersModel): void {
  for (const { layer } of adaptableLayers(model)) layer.setEnabled(true);
}

/** @throws UsageError naming the adapters there are */
export function requireAdapter(model: tf.LayersModel, name: string): void {
  const names = adapterNames(model);
  if (!names.includes(name))
    throw new UsageError(
      'invalid-argument',
      `there is no adapter '${name}'; the model has ${names.join(', ') || 'none'}`,
    );
}

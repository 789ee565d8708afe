import type * as tf from '@tensorflow/tfjs';
import type { LoraMethod } from '../config.ts';
import type { AdapterSettings, LayerAdapter } from './adapter.ts';
import type { BaseLayer, LayerKind } from './kind.ts';

/** What an adapted layer's configuration holds besides that of its base. */
export interface LoraLayerConfig {
  readonly method: LoraMethod;
  readonly enabled: boolean;
  readonly adapters: readonly AdapterSettings[];
}

/** A tfjs layer whose weights stay as they are while its adapters train. */
export interface LoraLayer extends BaseLayer {
  /** Absent for kinds that can only be trained whole. */
  readonly kind?: LayerKind;
  readonly method: LoraMethod;
  readonly adapters: ReadonlyMap<string, LayerAdapter>;
  readonly enabled: boolean;
  /** The base layer's own weights by name, `kernel` or `bias`. */
  readonly baseWeights: ReadonlyMap<string, tf.LayerVariable>;
  /** The weights of all adapters, as `adapter/weight`. */
  readonly addedWeights: ReadonlyMap<string, tf.LayerVariable>;
  /** Adds an adapter whose weights are all zero, to be given values before use. The layer has to be built. */
  addAdapter(settings: AdapterSettings): LayerAdapter;
  removeAdapter(name: string): void;
  /** Makes exactly these adapters active and trainable; names that the layer lacks are passed over. */
  selectAdapters(names: ReadonlySet<string>): void;
  setStrength(name: string, strength: number): void;
  setEnabled(enabled: boolean): void;
  /** Whether an adapter of these settings counts now. */
  isOn(settings: AdapterSettings): boolean;
  /** The weight as the active adapters leave it; the caller disposes it. */
  effectiveWeight(name: string): tf.Tensor;
}

/** Property by which adapted layers are known, also across copies of this library. */
const MARK = 'isLoraLayer';

/** Whether a layer is an adapted one; it need not have an adapter. */
export function isLoraLayer(layer: tf.layers.Layer): layer is LoraLayer {
  return MARK in layer;
}

/** The tfjs class of a layer, of an adapted layer that of its base: `Dense` for `LoraDense`. */
export function baseClassOf(layer: tf.layers.Layer): string {
  return isLoraLayer(layer) ? layer.getClassName().slice('Lora'.length) : layer.getClassName();
}

import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../../errors.ts';
import { type ExtendedLayer, namedWeights } from '../../models/index.ts';
import type { LoraMethod } from '../config.ts';
import type { AdapterSettings, LayerAdapter } from './adapter.ts';
import type { KindsByMethod, LayerKind } from './layer-kind.ts';

/** A tfjs layer, with members that `tf.layers.Layer` does not declare. */
export interface BaseLayer extends tf.layers.Layer {
  bias?: tf.LayerVariable | null;
  useBias?: boolean;
  activation?: { apply(x: tf.Tensor): tf.Tensor } | null;
  readonly dataFormat?: 'channelsFirst' | 'channelsLast';
  readonly padding?: 'valid' | 'same' | 'causal';
  readonly strides?: readonly number[];
  readonly dilationRate?: number | readonly number[];
  /** The kinds of low-rank update that this instance supports, if they do not depend on its class alone. */
  readonly kinds?: KindsByMethod;
}

/**
 * A tfjs layer with frozen weights and any number of adapters, an instance of a class such as `LoraDense`.
 *
 * An adapter changes the output only if the layer is `enabled`, the adapter is active, and its strength is above 0. It is
 * trained if it is active.
 */
export interface LoraLayer extends BaseLayer, ExtendedLayer {
  /**
   * The kernels that an adapter updates unless its settings name others, and how. Empty for classes without a kernel to
   * update, such as normalizations: their adapters only have trained copies, see `AdapterSettings.trainedCopies`.
   */
  readonly kernels: ReadonlyMap<string, LayerKind>;
  readonly method: LoraMethod;
  /** The base class, if this library does not know it. */
  readonly customClass?: string;
  /** The adapters of the layer by name. */
  readonly adapters: ReadonlyMap<string, LayerAdapter>;
  /** False between `disableAdapters` and `enableAdapters`. */
  readonly enabled: boolean;
  /**
   * Paths of the layers and models that the caller had frozen before `injectLora` froze all of them ('' is the whole
   * model), so that `unloadLora` freezes only these. The first LoRA layer stores them for the whole model; in the others the
   * list is empty.
   */
  readonly frozenPaths: readonly string[];
  /** The weights of the base layer by name, such as `kernel` and `bias`. */
  readonly baseWeights: ReadonlyMap<string, tf.LayerVariable>;
  /** The weights of all adapters by `<adapter>/<weight>`, such as `default/lora_A`. */
  readonly addedWeights: ReadonlyMap<string, tf.LayerVariable>;
  /** Adds an adapter whose weights are all 0; `initializeAdapter` sets them. The layer must be built. */
  addAdapter(settings: AdapterSettings): LayerAdapter;
  removeAdapter(name: string): void;
  /** Makes exactly these adapters active and trainable. Names that the layer does not have are ignored. */
  setActiveAdapters(names: ReadonlySet<string>): void;
  setStrength(name: string, strength: number): void;
  setEnabled(enabled: boolean): void;
  /** Whether an adapter with these settings changes the output, see above. */
  isOn(settings: AdapterSettings): boolean;
  /** Returns a weight of the base layer with the active adapters merged into it. The caller disposes it. */
  mergedWeight(name: string): tf.Tensor;
}

/** What a LoRA layer adds to the saved configuration of its base class, as `lora`. */
export interface LoraLayerConfig {
  /** The base class, if this library does not know it; see `CUSTOM_CLASS`. */
  readonly className?: string;
  readonly method: LoraMethod;
  readonly enabled: boolean;
  readonly adapters: readonly AdapterSettings[];
  /** See `LoraLayer.frozenPaths`. Objects, because tfjs rewrites all strings except for names; paths in older models. */
  readonly frozenPaths?: readonly ({ readonly name: string } | string)[];
}

/** A property that all LoRA layers have; `instanceof` would miss those of another copy of this library in the program. */
const MARK = 'isLoraLayer';

/** Whether a layer is a LoRA layer. It may have no adapter. */
export function isLoraLayer(layer: tf.layers.Layer): layer is LoraLayer {
  return layer !== null && typeof layer === 'object' && MARK in layer;
}

/** @throws UsageError if a value is not a LoRA layer */
export function requireLoraLayer(layer: unknown): asserts layer is LoraLayer {
  if (isLoraLayer(layer as tf.layers.Layer)) return;
  throw new UsageError(
    'invalid-argument',
    `layer: must be a LoRA layer, such as the 'layer' of an entry of loraLayers(model) (${String(layer).slice(0, 40)})`,
  );
}

/** The class name under which a LoRA layer is saved if this library does not know its base class. */
export const CUSTOM_CLASS = 'LoraCustom';

/** Returns the tfjs class of a layer, or of its base layer if it is adapted: `Dense` for `LoraDense`. */
export function baseClassOf(layer: tf.layers.Layer): string {
  if (!isLoraLayer(layer)) return layer.getClassName();
  return layer.customClass ?? layer.getClassName().slice('Lora'.length);
}

/** Returns the weights of a layer without those of adapters, by name. */
export function baseWeightsOf(layer: tf.layers.Layer): ReadonlyMap<string, tf.LayerVariable> {
  return isLoraLayer(layer) ? layer.baseWeights : namedWeights(layer);
}

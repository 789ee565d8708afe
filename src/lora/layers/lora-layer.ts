import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../../errors.ts';
import type { ExtendedLayer } from '../../models/index.ts';
import type { LoraMethod } from '../config.ts';
import type { AdapterSettings, LayerAdapter } from './adapter.ts';

/** Members of tfjs layers that `tf.layers.Layer` does not declare. */
export interface BaseLayer extends tf.layers.Layer {
  bias?: tf.LayerVariable | null;
  useBias?: boolean;
  activation?: { apply(x: tf.Tensor): tf.Tensor } | null;
  readonly dataFormat?: 'channelsFirst' | 'channelsLast';
  readonly padding?: 'valid' | 'same' | 'causal';
  readonly strides?: readonly number[];
  readonly dilationRate?: number | readonly number[];
}

/** An instance of a LoRA class: a tfjs layer with frozen weights and adapters. */
export interface LoraLayer extends BaseLayer, ExtendedLayer {
  /** How A and B update the kernel; absent if the layer only supports trained copies. */
  readonly kind?: LayerKind;
  readonly method: LoraMethod;
  /** The adapters of the layer by name. */
  readonly adapters: ReadonlyMap<string, LayerAdapter>;
  /** False while all adapters are off. */
  readonly enabled: boolean;
  /**
   * Paths of the layers and models that were frozen before adapters were added ('' is the whole model). Only the first
   * LoRA layer of a model keeps them.
   */
  readonly frozenPaths: readonly string[];
  /** The weights of the base layer by name, such as `kernel` and `bias`. */
  readonly baseWeights: ReadonlyMap<string, tf.LayerVariable>;
  /** The weights of all adapters by `adapter/weight`. */
  readonly addedWeights: ReadonlyMap<string, tf.LayerVariable>;
  /** Adds an adapter with zero weights. The layer must be built. */
  addAdapter(settings: AdapterSettings): LayerAdapter;
  removeAdapter(name: string): void;
  /** Makes exactly these adapters active and trainable. Names that the layer does not have are ignored. */
  setActiveAdapters(names: ReadonlySet<string>): void;
  setStrength(name: string, strength: number): void;
  setEnabled(enabled: boolean): void;
  /** Whether an adapter with these settings changes the output now. */
  isOn(settings: AdapterSettings): boolean;
  /** Returns a weight of the base layer with the active adapters merged into it. The caller disposes it. */
  mergedWeight(name: string): tf.Tensor;
}

/** The LoRA part of a layer's saved configuration. */
export interface LoraLayerConfig {
  readonly method: LoraMethod;
  readonly enabled: boolean;
  readonly adapters: readonly AdapterSettings[];
  /** See `LoraLayer.frozenPaths`. */
  readonly frozenPaths?: readonly string[];
}

/**
 * How the low-rank update of one kind of kernel works. A maps the inputs to r dimensions, B maps these to the outputs.
 * Kernel, A and B have more than two axes in convolutions; A·B is then the product of the matrices that they form.
 */
export interface LayerKind {
  readonly name:
    | 'dense'
    | 'dense-view'
    | 'conv1d'
    | 'conv2d'
    | 'conv3d'
    | 'depthwise'
    | 'separable'
    | 'embedding';
  /** Name of the layer's weight that is updated. */
  readonly kernelName: 'kernel' | 'depthwise_kernel' | 'pointwise_kernel' | 'embeddings';
  /** Sides of the kernel as a matrix. A·B cannot have a larger rank than the smaller one. */
  matrixShape(kernelShape: readonly number[]): { readonly inputs: number; readonly outputs: number };
  factorShapes(kernelShape: readonly number[], rank: number): { readonly a: number[]; readonly b: number[] };
  /** Returns A·B in the kernel's shape. */
  product(a: tf.Tensor, b: tf.Tensor, kernelShape: readonly number[]): tf.Tensor;
  /**
   * Returns s·(x·A)·B [batch, ..., out], channels last. Absent if the update must be added to the kernel instead.
   */
  lowRankForward?(input: LowRankInput): tf.Tensor;
  /** Axes of the kernel over which DoRA takes the norm of each output. Absent if DoRA is not supported. */
  readonly normAxes?: readonly number[];
}

/** Input of `LayerKind.lowRankForward`. */
export interface LowRankInput {
  /** A and B in the shapes of `factorShapes`. */
  readonly a: tf.Tensor;
  readonly b: tf.Tensor;
  /** s */
  readonly scale: tf.Scalar;
  /** The layer's input after dropout. */
  readonly x: tf.Tensor;
  /** Applies the layer to `x` with another kernel, without bias and activation. Returns channels last. */
  readonly applyKernel: (kernel: tf.Tensor) => tf.Tensor;
}

/** Marks LoRA layers, including those of another copy of this library in the same program. */
const MARK = 'isLoraLayer';

/** Whether a layer is a LoRA layer. It may have no adapter. */
export function isLoraLayer(layer: tf.layers.Layer): layer is LoraLayer {
  return layer !== null && typeof layer === 'object' && MARK in layer;
}

/** @throws UsageError if a value is not a LoRA layer, as those of `loraLayers` are */
export function requireLoraLayer(layer: unknown): asserts layer is LoraLayer {
  if (layer !== null && typeof layer === 'object' && MARK in layer) return;
  throw new UsageError(
    'invalid-argument',
    `layer: must be a LoRA layer, such as the 'layer' of an entry of loraLayers(model) (${String(layer).slice(0, 40)})`,
  );
}

/** Returns the tfjs class of a layer, or of its base layer if it is adapted: `Dense` for `LoraDense`. */
export function baseClassOf(layer: tf.layers.Layer): string {
  return isLoraLayer(layer) ? layer.getClassName().slice('Lora'.length) : layer.getClassName();
}

/** Whether a weight is what PyTorch calls the layer's bias. tfjs calls that of a normalization beta. */
export function isBias(weightName: string): boolean {
  return weightName === 'bias' || weightName === 'beta';
}

import * as tf from '@tensorflow/tfjs';
import type { LayerKind } from './layer-kind.ts';

/** Settings of one adapter on one layer, as saved in the layer's configuration. */
export interface AdapterSettings {
  readonly name: string;
  /** 0 if the adapter only trains copies of this layer's weights. */
  readonly rank: number;
  /**
   * The kernels that are updated. Absent for those of `LoraLayer.kernels`. Objects, because tfjs rewrites all strings of a
   * saved configuration in snake case except for names.
   */
  readonly kernels?: readonly { readonly name: string }[];
  readonly alpha: number;
  readonly rslora: boolean;
  readonly dropout: number;
  readonly dora: boolean;
  /**
   * The update is A·B minus its initial value. For inits with a product other than zero (PiSSA, OLoRA, LoRA-GA), so
   * that the adapted model starts as its base. PEFT changes the base's weights instead.
   */
  readonly subtractsInitialUpdate: boolean;
  /** Which weights of the base layer the adapter trains a copy of (PEFT's `modules_to_save` and `bias`). */
  readonly trainedCopies: 'none' | 'bias' | 'all';
  /** Multiplies alpha / r; 0 to 1. */
  readonly strength: number;
  readonly active: boolean;
}

/** Whether a weight is what PyTorch calls the layer's bias. tfjs calls that of a normalization beta. */
export function isBias(weightName: string): boolean {
  return /(^|\/)(bias|beta)$/.test(weightName);
}

/** The low-rank update of one kernel. The shapes of A and B depend on the kind, see `kinds.ts`. */
export interface KernelUpdate {
  readonly kind: LayerKind;
  /** Precedes the names under which the weights are saved. Empty for a layer whose class has one kernel to update. */
  readonly prefix: string;
  /** A: [in, r] for a dense layer. */
  readonly a: tf.LayerVariable;
  /** B: [r, out] for a dense layer. */
  readonly b: tf.LayerVariable;
  /** The initial A and B, if `subtractsInitialUpdate`. */
  readonly initialA?: tf.LayerVariable;
  readonly initialB?: tf.LayerVariable;
  /** DoRA's magnitude m, in the shape of `normShape`. */
  readonly magnitude?: tf.LayerVariable;
}

/** The weights of one adapter on one layer. */
export interface LayerAdapter {
  settings: AdapterSettings;
  /** s, a scalar: strength · alpha / r (or alpha / sqrt(r)), or 0 while the adapter is off. Read in every call. */
  readonly scale: tf.Variable<tf.Rank.R0>;
  /** By the names of the kernels in the base layer. Empty if the adapter only trains copies of the layer's weights. */
  readonly updates: ReadonlyMap<string, KernelUpdate>;
  /** Trained copies of weights of the base layer, by their names in it. */
  readonly trainedCopies: ReadonlyMap<string, tf.LayerVariable>;
  /** Applied to the input of A. */
  readonly dropout?: tf.layers.Layer;
}

/** Returns alpha / r, or alpha / sqrt(r) with rsLoRA: the factor of A·B at strength 1. */
export function scalingOf({
  rank,
  alpha,
  rslora,
}: Pick<AdapterSettings, 'rank' | 'alpha' | 'rslora'>): number {
  if (rank === 0) return 1;
  return alpha / (rslora ? Math.sqrt(rank) : rank);
}

/**
 * Returns the adapter's strength as a scalar tensor, or 0 while it is off. Computed from `scale`, so that recorded
 * graphs read the current value.
 */
export function strengthTensor({ scale, settings }: LayerAdapter): tf.Scalar {
  const scaling = scalingOf(settings);
  return scaling === 1 ? scale : tf.div(scale, scaling);
}

/** Returns the weights of an adapter by the names under which they are saved. */
export function adapterWeights(adapter: LayerAdapter): Map<string, tf.LayerVariable> {
  const weights = new Map<string, tf.LayerVariable>();
  for (const update of adapter.updates.values())
    for (const [name, weight] of updateWeights(update)) weights.set(name, weight);
  for (const [name, weight] of adapter.trainedCopies) weights.set(name, weight);
  return weights;
}

/** Returns the weights of the update of one kernel by the names under which they are saved. */
export function updateWeights(update: KernelUpdate): Map<string, tf.LayerVariable> {
  const { prefix, a, b, magnitude, initialA, initialB } = update;
  const weights = new Map([
    [`${prefix}lora_A`, a],
    [`${prefix}lora_B`, b],
  ]);
  if (magnitude) weights.set(`${prefix}lora_magnitude`, magnitude);
  if (initialA) weights.set(`${prefix}initial_A`, initialA);
  if (initialB) weights.set(`${prefix}initial_B`, initialB);
  return weights;
}

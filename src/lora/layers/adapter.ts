import * as tf from '@tensorflow/tfjs';

/** Settings of one adapter on one layer, as saved in the layer's configuration. */
export interface AdapterSettings {
  readonly name: string;
  /** 0 if the adapter only trains copies of this layer's weights. */
  readonly rank: number;
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
  return weightName === 'bias' || weightName === 'beta';
}

/** The weights of one adapter on one layer. The shapes of A and B depend on the layer kind, see `kinds.ts`. */
export interface LayerAdapter {
  settings: AdapterSettings;
  /** s, a scalar: strength · alpha / r (or alpha / sqrt(r)), or 0 while the adapter is off. Read in every call. */
  readonly scale: tf.Variable<tf.Rank.R0>;
  /** A: [in, r] for a dense layer. */
  readonly a?: tf.LayerVariable;
  /** B: [r, out] for a dense layer. */
  readonly b?: tf.LayerVariable;
  /** The initial A and B, if `subtractsInitialUpdate`. */
  readonly initialA?: tf.LayerVariable;
  readonly initialB?: tf.LayerVariable;
  /** m [out] of DoRA. */
  readonly magnitude?: tf.LayerVariable;
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
  const { a, b, magnitude, initialA, initialB, trainedCopies } = adapter;
  const weights = new Map<string, tf.LayerVariable>();
  if (a) weights.set('lora_A', a);
  if (b) weights.set('lora_B', b);
  if (magnitude) weights.set('lora_magnitude', magnitude);
  if (initialA) weights.set('initial_A', initialA);
  if (initialB) weights.set('initial_B', initialB);
  for (const [name, weight] of trainedCopies) weights.set(name, weight);
  return weights;
}

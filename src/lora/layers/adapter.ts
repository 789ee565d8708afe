import * as tf from '@tensorflow/tfjs';

/** One adapter on one layer, as the layer's configuration keeps it. */
export interface AdapterSettings {
  readonly name: string;
  /** 0 for a layer that only trains its bias or all its weights. */
  readonly rank: number;
  readonly alpha: number;
  readonly rslora: boolean;
  readonly dropout: number;
  readonly dora: boolean;
  /** Keeps A and B as they started and counts only what they differ from that (PiSSA, OLoRA). */
  readonly subtractsInitialUpdate: boolean;
  /** Weights of the layer of which the adapter trains a copy of its own. */
  readonly trainedCopies: 'none' | 'bias' | 'all';
  /** 0..1 */
  readonly strength: number;
  readonly active: boolean;
}

/** An adapter's weights on a layer, in tfjs' layout. */
export interface LayerAdapter {
  settings: AdapterSettings;
  /** alpha / rank (or alpha / sqrt(rank)) times the strength; 0 while the adapter is off. Read in each call. */
  readonly scale: tf.Variable;
  readonly a?: tf.LayerVariable;
  readonly b?: tf.LayerVariable;
  readonly initialA?: tf.LayerVariable;
  readonly initialB?: tf.LayerVariable;
  /** [outputs], DoRA only. */
  readonly magnitude?: tf.LayerVariable;
  /** By the name of the weight in the layer. */
  readonly trainedCopies: ReadonlyMap<string, tf.LayerVariable>;
  /** On the way into A. */
  readonly dropout?: tf.layers.Layer;
}

/** The factor of A·B at strength 1. */
export function scalingOf({
  rank,
  alpha,
  rslora,
}: Pick<AdapterSettings, 'rank' | 'alpha' | 'rslora'>): number {
  if (rank === 0) return 1;
  return alpha / (rslora ? Math.sqrt(rank) : rank);
}

/** The weights that belong to the adapter, by the names under which they are saved. */
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

/** How much of the adapter is on, 0..1, as a tensor: 1 at full strength whatever alpha and rank are. */
export function gateOf({ scale, settings }: LayerAdapter): tf.Scalar {
  const scaling = scalingOf(settings);
  return scaling === 1 ? (scale as unknown as tf.Scalar) : tf.div(scale as unknown as tf.Scalar, scaling);
}

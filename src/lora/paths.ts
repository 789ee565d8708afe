/** Dotted paths of layers and weights, such as `encoder.lstm` and `encoder.lstm.recurrent_kernel`. */
import type * as tf from '@tensorflow/tfjs';
import type { NamedLayer } from '../models/index.ts';

/** Returns the paths of a layer: its own, and for a wrapper such as Bidirectional also that of the layer inside it. */
export function layerPaths({ path, layer }: NamedLayer): string[] {
  const inner = (layer as { readonly layer?: tf.layers.Layer }).layer?.name;
  return inner === undefined ? [path] : [path, `${path}.${inner}`];
}

/**
 * Returns the path of a weight, such as `encoder.lstm.recurrent_kernel`.
 *
 * @param layerPath such as `encoder.lstm`
 * @param weight its name in the layer, such as `recurrent_kernel`, or `forward_lstm/kernel` in a Bidirectional
 */
export function weightPath(layerPath: string, weight: string): string {
  return `${layerPath}.${weight.replaceAll('/', '.')}`;
}

/** Part of a list entry: which layer or weight it is about. */
interface Place {
  readonly path: string;
  readonly weight?: string;
}

/**
 * Returns the path of an entry's layer, or that of its weight if other entries are about other weights of the same layer.
 *
 * @param entries the whole list: of a summary, an inspection or `loraTargets`
 */
export function placeOf({ path, weight }: Place, entries: readonly Place[]): string {
  const isShared = entries.some((entry) => entry.path === path && entry.weight !== weight);
  return weight !== undefined && isShared ? weightPath(path, weight) : path;
}

/** Whether a name equals a path or the end of it: `lstm` and `encoder.lstm` for `encoder.lstm`. */
export function isSuffix(path: string, name: string): boolean {
  return path === name || path.endsWith(`.${name}`);
}

/** Whether a name equals some successive names of a path: also `encoder` for `encoder.lstm`. */
export function isPart(path: string, name: string): boolean {
  return `.${path}.`.includes(`.${name}.`);
}

import type * as tf from '@tensorflow/tfjs';
import type { LayerKind } from './kind.ts';

/** The kernel's name among the layer's weights: `kernel`, `pointwise_kernel`. */
export function kernelName({ kernel }: LayerKind): string {
  return kernel.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

/** What PyTorch calls a layer's bias; tfjs' normalisations call it beta. */
export function isBias(name: string): boolean {
  return name === 'bias' || name === 'beta';
}

/** Running averages, which no gradient changes. */
export function isStatistic(name: string): boolean {
  return name.startsWith('moving_');
}

/** The part of a weight's name behind its scopes. */
export function lastName({ originalName }: tf.LayerVariable): string {
  return originalName.slice(originalName.lastIndexOf('/') + 1);
}

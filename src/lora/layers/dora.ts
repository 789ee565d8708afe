import * as tf from '@tensorflow/tfjs';
import { gateOf, type LayerAdapter, scalingOf } from './adapter.ts';
import type { LayerKind } from './kind.ts';

/** Length of the kernel's weights into each output, [outputs]. */
export function kernelNorm(kind: LayerKind, kernel: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(kernel), [...kind.normAxes!]));
}

/**
 * Weight-decomposed adaptation (Liu et al. 2024, arXiv:2402.09353): the kernel becomes m·V / |V| with
 * V = W + s·A·B, a length m per output and the norm taken without a gradient (section 4.3), as PEFT does.
 * This is what that adds to x·W; a strength below 1 adds that share of it.
 *
 * @param kernel W
 * @param update A·B in the kernel's shape
 * @param plain x·W with channels last, or W itself for the kernel's own update
 * @param path scale·x·A·B likewise
 */
export function doraTerm(
  kind: LayerKind,
  kernel: tf.Tensor,
  adapter: LayerAdapter,
  update: tf.Tensor,
  plain: tf.Tensor,
  path: tf.Tensor,
): tf.Tensor {
  const { magnitude, scale, settings } = adapter;
  const norm = withoutGradient(scale, () =>
    kernelNorm(kind, tf.add(kernel, tf.mul(update, scalingOf(settings)))),
  );
  const ratio = tf.div(magnitude!.read(), norm); // [outputs]
  const turned = tf.mul(plain, tf.mul(tf.sub(ratio, 1), gateOf(adapter)));
  return tf.add(turned, tf.mul(path, ratio));
}

/** Computes a value that gradients take for a constant; `frozen` is any variable that is not trained. */
function withoutGradient(frozen: tf.Variable, compute: () => tf.Tensor): tf.Tensor {
  const constant = tf.customGrad((input) => ({
    value: compute(),
    gradFunc: () => tf.zerosLike(input as tf.Tensor),
  }));
  return constant(frozen as unknown as tf.Tensor);
}

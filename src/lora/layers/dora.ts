import * as tf from '@tensorflow/tfjs';
import { gateOf, type LayerAdapter, scalingOf } from './adapter.ts';
import type { LayerKind } from './kind.ts';

/**
 * Weight-decomposed adaptation (Liu et al. 2024, arXiv:2402.09353): the kernel becomes m·V / |V| with
 * V = W + s·A·B, a length m per output and the norm taken without a gradient (section 4.3), as PEFT does.
 *
 * The norm [outputs] is that at full strength: strength moves between W and the whole of DoRA's kernel.
 */
function updatedNorm(kind: LayerKind, kernel: tf.Tensor, { a, b, scale, settings }: LayerAdapter): tf.Tensor {
  const norm = tf.customGrad((gate) => ({
    value: kernelNorm(
      kind,
      tf.add(kernel, tf.mul(kind.update(a!.read(), b!.read(), kernel.shape), scalingOf(settings))),
    ),
    gradFunc: () => tf.zerosLike(gate as tf.Tensor),
  }));
  return norm(scale as unknown as tf.Tensor);
}

/** Length of the kernel's weights into each output, [outputs]. */
export function kernelNorm(kind: LayerKind, kernel: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(kernel), [...kind.normAxes!]));
}

/**
 * What DoRA adds to the output before the bias.
 *
 * @param plain x·W, in the layout of the output with channels last
 * @param path scale·(x·A)·B, in the same layout
 */
export function doraTerm(
  kind: LayerKind,
  kernel: tf.Tensor,
  adapter: LayerAdapter,
  plain: tf.Tensor,
  path: tf.Tensor,
): tf.Tensor {
  const ratio = tf.div(adapter.magnitude!.read(), updatedNorm(kind, kernel, adapter)); // [outputs]
  const turned = tf.mul(plain, tf.mul(tf.sub(ratio, 1), gateOf(adapter)));
  return tf.add(turned, tf.mul(path, ratio));
}

/** What DoRA adds to the kernel, in its shape. */
export function doraUpdate(kind: LayerKind, kernel: tf.Tensor, adapter: LayerAdapter): tf.Tensor {
  const update = tf.mul(kind.update(adapter.a!.read(), adapter.b!.read(), kernel.shape), adapter.scale);
  return doraTerm(kind, kernel, adapter, kernel, update);
}

import * as tf from '@tensorflow/tfjs';

/**
 * Scales gradients down together when their global L2 norm exceeds `clipNorm`, as PyTorch's `clip_grad_norm_`
 * does: by min(1, clipNorm / (norm + 1e-6)).
 */
export function clipByGlobalNorm(gradients: readonly tf.Tensor[], clipNorm: number): tf.Tensor[] {
  const squares = gradients.map((gradient) => tf.sum(tf.square(gradient)));
  const norm = tf.sqrt(tf.addN(squares));
  const scale = tf.minimum(1, tf.div(clipNorm, tf.add(norm, 1e-6)));
  return gradients.map((gradient) => tf.mul(gradient, scale));
}

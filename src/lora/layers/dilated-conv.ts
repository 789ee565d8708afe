import * as tf from '@tensorflow/tfjs';
import type { BaseLayer } from './kind.ts';

/** Whether a layer is a convolution for which tfjs has no gradient. */
export function isDilated(layer: BaseLayer): boolean {
  if (!['LoraConv1D', 'LoraConv2D'].includes(layer.getClassName())) return false;
  return [layer.dilationRate ?? 1].flat().some((rate) => rate > 1);
}

/**
 * A convolution of one or two dimensions with a dilated window and with a gradient, which tfjs lacks: the
 * gradient is that of the same convolution with zeros written into the kernel. tfjs allows no stride beside dilation.
 *
 * @param x [batch, ...space, in]
 * @param kernel [...window, in, out]
 */
export function dilatedConv(
  x: tf.Tensor,
  kernel: tf.Tensor,
  padding: 'valid' | 'same',
  dilationRate: readonly number[],
): tf.Tensor {
  if (kernel.rank === 3) {
    const [batch, length, channels] = x.shape as [number, number, number];
    const wide = dilatedConv(x.reshape([batch, 1, length, channels]), kernel.expandDims(0), padding, [
      1,
      ...dilationRate,
    ]);
    return wide.squeeze([1]);
  }
  const dilations = dilationRate as [number, number];
  const convolve = tf.customGrad((input, filter, save) => {
    const [image, window] = [input as tf.Tensor4D, filter as tf.Tensor4D];
    (save as (tensors: tf.Tensor[]) => void)([image, window]);
    return {
      value: tf.conv2d(image, window, 1, padding, 'NHWC', dilations),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => gradients(dy, saved, padding, dilations),
    };
  });
  return convolve(x, kernel);
}

/** Gradients by input and kernel, through tfjs' own kernels for the gradient of an undilated convolution. */
function gradients(
  dy: tf.Tensor,
  [x, kernel]: tf.Tensor[],
  padding: string,
  [down, right]: [number, number],
): tf.Tensor[] {
  const filter = spread(kernel as tf.Tensor4D, [down, right]);
  const common = { strides: [1, 1], pad: padding, dataFormat: 'NHWC' };
  const run = (name: string, inputs: tf.NamedTensorMap, attributes: Record<string, number[]>) =>
    tf.engine().runKernel<tf.Tensor>(name, inputs, { ...common, ...attributes });
  const byInput = run('Conv2DBackpropInput', { dy, filter }, { inputShape: x!.shape });
  const bySpread = run('Conv2DBackpropFilter', { x: x!, dy }, { filterShape: filter.shape });
  return [byInput, tf.stridedSlice(bySpread, [0, 0, 0, 0], filter.shape, [down, right, 1, 1])];
}

/** Writes rate - 1 zeros between neighbours of the kernel's window. */
function spread(kernel: tf.Tensor4D, [down, right]: [number, number]): tf.Tensor4D {
  const [height, width, inputs, outputs] = kernel.shape;
  const gaps = tf.pad(kernel.reshape([height, 1, width, 1, inputs * outputs]), [
    [0, 0],
    [0, down - 1],
    [0, 0],
    [0, right - 1],
    [0, 0],
  ]);
  const size: [number, number] = [(height - 1) * down + 1, (width - 1) * right + 1];
  return gaps
    .reshape([height * down, width * right, inputs, outputs])
    .slice([0, 0, 0, 0], [...size, inputs, outputs]) as tf.Tensor4D;
}

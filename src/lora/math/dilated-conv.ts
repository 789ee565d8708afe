import * as tf from '@tensorflow/tfjs';

/**
 * Computes a dilated convolution over one or two dimensions, stride 1, with the gradients that tfjs lacks. (tfjs does
 * not allow strides together with dilation.)
 *
 * @param x [batch, ...space, in] float32
 * @param kernel [...window, in, out]
 * @param dilationRate one rate per dimension
 * @returns [batch, ...space, out]
 */
export function dilatedConv(
  x: tf.Tensor,
  kernel: tf.Tensor,
  padding: 'valid' | 'same',
  dilationRate: readonly number[],
): tf.Tensor {
  if (kernel.rank === 3) {
    const [batch, length, channels] = x.shape as [number, number, number];
    const image = x.reshape([batch, 1, length, channels]);
    return dilatedConv(image, kernel.expandDims(0), padding, [1, ...dilationRate]).squeeze([1]);
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

/**
 * Returns the gradients with respect to input and kernel. They are those of an undilated convolution whose kernel has
 * zeros in the gaps, which tfjs' own gradient kernels compute.
 *
 * @param dy [batch, height, width, out]
 */
function gradients(
  dy: tf.Tensor,
  [x, kernel]: tf.Tensor[],
  padding: string,
  [rowRate, columnRate]: [number, number],
): tf.Tensor[] {
  const filter = insertGaps(kernel as tf.Tensor4D, [rowRate, columnRate]);
  const convolution = { strides: [1, 1], pad: padding, dataFormat: 'NHWC' };
  const run = (name: string, inputs: tf.NamedTensorMap, attributes: Record<string, number[]>) =>
    tf.engine().runKernel<tf.Tensor>(name, inputs, { ...convolution, ...attributes });
  const dx = run('Conv2DBackpropInput', { dy, filter }, { inputShape: x!.shape });
  const dFilter = run('Conv2DBackpropFilter', { x: x!, dy }, { filterShape: filter.shape });
  return [dx, tf.stridedSlice(dFilter, [0, 0, 0, 0], filter.shape, [rowRate, columnRate, 1, 1])];
}

/** Inserts rate - 1 zeros between neighbouring rows and columns of a kernel [height, width, in, out]. */
function insertGaps(kernel: tf.Tensor4D, [rowRate, columnRate]: [number, number]): tf.Tensor4D {
  const [height, width, inputs, outputs] = kernel.shape;
  const padded = tf.pad(kernel.reshape([height, 1, width, 1, inputs * outputs]), [
    [0, 0],
    [0, rowRate - 1],
    [0, 0],
    [0, columnRate - 1],
    [0, 0],
  ]);
  const size: [number, number] = [(height - 1) * rowRate + 1, (width - 1) * columnRate + 1];
  return padded
    .reshape([height * rowRate, width * columnRate, inputs, outputs])
    .slice([0, 0, 0, 0], [...size, inputs, outputs]) as tf.Tensor4D;
}

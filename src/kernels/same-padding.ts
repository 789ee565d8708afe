import * as tf from '@tensorflow/tfjs';
import type { ConvAttributes } from './convolutions.ts';

/**
 * Returns a convolution kernel of the WebAssembly backend that also supports strides larger than the filter with padding
 * 'same'. The backend's own returns zeros then. It is given the padding in numbers instead.
 *
 * @param depthwise whether the filter is [height, width, in, multiplier]
 */
export function withLargeStrides(kernelFunc: tf.KernelFunc, depthwise: boolean): tf.KernelFunc {
  return (parameters) => {
    const { inputs, attrs } = parameters;
    const { strides, pad, dilations = 1, dimRoundingMode } = attrs as unknown as ConvAttributes;
    const { x, filter } = inputs as unknown as Record<'x' | 'filter', tf.Tensor4D>;
    const [strideHeight, strideWidth] = typeof strides === 'number' ? [strides, strides] : strides;
    const [height, width] = filter!.shape;
    if (pad !== 'same' || (strideHeight <= height && strideWidth <= width)) return kernelFunc(parameters);
    const { padInfo } = tf.backend_util.computeConv2DInfo(
      x!.shape,
      filter!.shape,
      strides,
      dilations,
      pad,
      dimRoundingMode,
      depthwise,
    );
    const explicit = [
      [0, 0],
      [padInfo.top, padInfo.bottom],
      [padInfo.left, padInfo.right],
      [0, 0],
    ];
    return kernelFunc({ ...parameters, attrs: { ...attrs, pad: explicit } as never });
  };
}

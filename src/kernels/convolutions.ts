import * as tf from '@tensorflow/tfjs';
import { type ConvInfo, forWindowCells } from './windows.ts';

/** Attributes of the kernels below, which tfjs' gradients of convolutions pass. Channels last. */
export interface ConvAttributes {
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dilations?: number | [number, number];
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

/** [batch, height, width, in] or [height, width, in, out] */
type Shape = [number, number, number, number];

/** Inputs of the kernels below, float32. */
type Inputs = Readonly<Record<'x' | 'dy' | 'filter', tf.Tensor4D>>;

/**
 * Kernel `Conv2DBackpropFilter`: the gradient of a convolution with respect to its filter, as one matrix product of all
 * windows of the input with dy.
 *
 * @returns [height, width, in, out]
 */
export function conv2dBackpropFilter(
  { x, dy }: Pick<Inputs, 'x' | 'dy'>,
  { filterShape, ...attributes }: ConvAttributes & { readonly filterShape: Shape },
): tf.Tensor {
  const info = convInfo(x.shape, filterShape, attributes, false);
  const channels = info.inChannels;
  const rowSize = info.filterHeight * info.filterWidth * channels;
  const positions = info.batchSize * info.outHeight * info.outWidth;
  const input = x.dataSync();
  const windows = new Float32Array(positions * rowSize);
  forWindowCells(info, (position, cell, start) => {
    const target = position * rowSize + cell * channels;
    for (let channel = 0; channel < channels; channel++) windows[target + channel] = input[start + channel]!;
  });
  const matrix = tf.tensor2d(windows, [positions, rowSize]);
  return tf.matMul(tf.transpose(matrix), dy.reshape([positions, info.outChannels])).reshape(filterShape);
}

/**
 * Kernel `DepthwiseConv2dNativeBackpropFilter`.
 *
 * @returns [height, width, in, multiplier]
 */
export function depthwiseBackpropFilter(
  { x, dy }: Pick<Inputs, 'x' | 'dy'>,
  { filterShape, ...attributes }: ConvAttributes & { readonly filterShape: Shape },
): tf.Tensor {
  const info = convInfo(x.shape, filterShape, attributes, true);
  const [, , channels, multiplier] = filterShape;
  const outputs = channels * multiplier;
  const [input, gradient] = [x.dataSync(), dy.dataSync()];
  const sums = new Float64Array(info.filterHeight * info.filterWidth * outputs);
  forWindowCells(info, (position, cell, start) => {
    for (let output = 0; output < outputs; output++)
      sums[cell * outputs + output]! +=
        input[start + Math.floor(output / multiplier)]! * gradient[position * outputs + output]!;
  });
  return tf.tensor(Float32Array.from(sums), filterShape);
}

/**
 * Kernel `DepthwiseConv2dNativeBackpropInput`.
 *
 * @returns the shape of the convolution's input
 */
export function depthwiseBackpropInput(
  { dy, filter }: Pick<Inputs, 'dy' | 'filter'>,
  { inputShape, ...attributes }: ConvAttributes & { readonly inputShape: Shape },
): tf.Tensor {
  const info = convInfo(inputShape, filter.shape, attributes, true);
  const [, , channels, multiplier] = filter.shape;
  const outputs = channels * multiplier;
  const [gradient, weights] = [dy.dataSync(), filter.dataSync()];
  const sums = new Float64Array(tf.util.sizeFromShape(inputShape));
  forWindowCells(info, (position, cell, start) => {
    for (let output = 0; output < outputs; output++)
      sums[start + Math.floor(output / multiplier)]! +=
        gradient[position * outputs + output]! * weights[cell * outputs + output]!;
  });
  return tf.tensor(Float32Array.from(sums), inputShape);
}

function convInfo(
  inputShape: Shape,
  filterShape: Shape,
  { strides, pad, dilations = 1, dimRoundingMode }: ConvAttributes,
  depthwise: boolean,
): ConvInfo {
  return tf.backend_util.computeConv2DInfo(
    inputShape,
    filterShape,
    strides,
    dilations,
    pad,
    dimRoundingMode,
    depthwise,
  );
}

import * as tf from '@tensorflow/tfjs';
import { type ConvInfo, forWindowCells } from './windows.ts';

/** Attributes of the kernels below. */
interface PoolAttributes {
  readonly filterSize: number | [number, number];
  readonly strides: number | [number, number];
  readonly pad: 'valid' | 'same' | number | tf.backend_util.ExplicitPadding;
  readonly dimRoundingMode?: 'floor' | 'round' | 'ceil';
}

interface PoolInputs {
  /** [batch, outHeight, outWidth, channels] float32 */
  readonly dy: tf.Tensor4D;
  /** Of the pooling: [batch, height, width, channels] float32. */
  readonly input: tf.Tensor4D;
}

/**
 * Kernel `MaxPoolGrad`: passes dy to the first largest value of each window. The backend's own kernel finds no maximum
 * below 0.
 *
 * @returns the shape of `input`
 */
export function maxPoolGrad({ dy, input }: PoolInputs, attributes: PoolAttributes): tf.Tensor {
  const info = poolInfo(input, attributes);
  const { inChannels: channels } = info;
  const [values, gradient] = [input.dataSync(), dy.dataSync()];
  const places = new Int32Array(gradient.length).fill(-1);
  forWindowCells(info, (position, _cell, start) => {
    for (let channel = 0; channel < channels; channel++) {
      const output = position * channels + channel;
      const place = places[output]!;
      if (place < 0 || values[start + channel]! > values[place]!) places[output] = start + channel;
    }
  });
  const sums = new Float32Array(values.length);
  for (let output = 0; output < places.length; output++) sums[places[output]!]! += gradient[output]!;
  return tf.tensor(sums, input.shape);
}

/**
 * Kernel `AvgPoolGrad`: divides dy by the number of values that were averaged. The backends' own kernels also
 * count padding, which the forward pass does not average over.
 *
 * @returns the shape of `input`
 */
export function avgPoolGrad({ dy, input }: PoolInputs, attributes: PoolAttributes): tf.Tensor {
  const info = poolInfo(input, attributes);
  const { inChannels: channels } = info;
  const gradient = dy.dataSync();
  const counts = new Int32Array(gradient.length / channels);
  forWindowCells(info, (position) => {
    counts[position]!++;
  });
  const sums = new Float32Array(input.size);
  forWindowCells(info, (position, _cell, start) => {
    for (let channel = 0; channel < channels; channel++)
      sums[start + channel]! += gradient[position * channels + channel]! / counts[position]!;
  });
  return tf.tensor(sums, input.shape);
}

function poolInfo(
  input: tf.Tensor4D,
  { filterSize, strides, pad, dimRoundingMode }: PoolAttributes,
): ConvInfo {
  return tf.backend_util.computePool2DInfo(input.shape, filterSize, strides, 1, pad, dimRoundingMode);
}

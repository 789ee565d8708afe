import type * as tf from '@tensorflow/tfjs';

type DataFormat = 'channelsFirst' | 'channelsLast' | undefined;

/** Converts [batch, channels, ...space] to [batch, ...space, channels] if `dataFormat` is channelsFirst. */
export function toChannelsLast(x: tf.Tensor, dataFormat: DataFormat): tf.Tensor {
  if (dataFormat !== 'channelsFirst') return x;
  return x.transpose([0, ...Array.from({ length: x.rank - 2 }, (_, axis) => axis + 2), 1]);
}

/** Converts [batch, ...space, channels] to [batch, channels, ...space] if `dataFormat` is channelsFirst. */
export function fromChannelsLast(x: tf.Tensor, dataFormat: DataFormat): tf.Tensor {
  if (dataFormat !== 'channelsFirst') return x;
  return x.transpose([0, x.rank - 1, ...Array.from({ length: x.rank - 2 }, (_, axis) => axis + 1)]);
}

/**
 * Reshapes a bias so that it adds to an output in the data format.
 *
 * @param bias [channels]
 * @param rank of the output
 * @returns [channels], or [1, channels, 1, ...] if `dataFormat` is channelsFirst
 */
export function perChannel(bias: tf.Tensor, rank: number, dataFormat: DataFormat): tf.Tensor {
  return dataFormat === 'channelsFirst' ? bias.reshape([1, -1, ...new Array(rank - 2).fill(1)]) : bias;
}

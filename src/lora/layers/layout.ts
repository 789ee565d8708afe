import type * as tf from '@tensorflow/tfjs';
import type { BaseLayer } from './kind.ts';

type DataFormat = BaseLayer['dataFormat'];

/** From a layer's own layout to channels last. */
export function channelsLast(x: tf.Tensor, dataFormat: DataFormat): tf.Tensor {
  if (dataFormat !== 'channelsFirst') return x;
  return x.transpose([0, ...Array.from({ length: x.rank - 2 }, (_, axis) => axis + 2), 1]);
}

/** From channels last to a layer's own layout. */
export function ownLayout(x: tf.Tensor, dataFormat: DataFormat): tf.Tensor {
  if (dataFormat !== 'channelsFirst') return x;
  return x.transpose([0, x.rank - 1, ...Array.from({ length: x.rank - 2 }, (_, axis) => axis + 1)]);
}

/** A value per channel, shaped so that it adds to a tensor in the layer's own layout. */
export function perChannel(bias: tf.Tensor, rank: number, dataFormat: DataFormat): tf.Tensor {
  return dataFormat === 'channelsFirst' ? bias.reshape([1, -1, ...new Array(rank - 2).fill(1)]) : bias;
}

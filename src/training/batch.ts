import * as tf from '@tensorflow/tfjs';
import type { DataArray, TrainingData } from './engine.ts';

/** The tensors of some rows as the loss takes them; the caller disposes them. */
export function gatherBatch(
  data: TrainingData,
  rows: Int32Array,
): { inputs: tf.Tensor[]; labels: tf.Tensor } {
  return {
    inputs: data.inputs.map((column) => rowsOf(column, rows, false)),
    labels: rowsOf(data.labels, rows, true),
  };
}

/** Bytes become float32, or int32 where they are labels. */
function rowsOf({ values, featureShape }: DataArray, rows: Int32Array, label: boolean): tf.Tensor {
  const size = tf.util.sizeFromShape([...featureShape]);
  const whole = values instanceof Int32Array || (label && values instanceof Uint8Array);
  const batch = new (whole ? Int32Array : Float32Array)(rows.length * size);
  rows.forEach((row, index) => {
    batch.set(values.subarray(row * size, (row + 1) * size), index * size);
  });
  return tf.tensor(batch, [rows.length, ...featureShape], whole ? 'int32' : 'float32');
}

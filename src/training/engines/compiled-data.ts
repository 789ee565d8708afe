import { type DataType, int64Words, type TensorValues } from '../../tensorflow/index.ts';
import type { DataArray } from '../engine.ts';

/**
 * How a column is kept on the device. Whole numbers that are not bytes become int64: int32 kernels of a GPU run on the host.
 */
export function columnType({ values }: DataArray): DataType {
  if (values instanceof Uint8Array) return 'uint8';
  return values instanceof Int32Array ? 'int64' : 'float32';
}

/** The column's values as the session takes them. */
export function columnValues({ values }: DataArray): TensorValues {
  return values instanceof Int32Array ? int64Words(values) : values;
}

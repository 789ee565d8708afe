import * as tf from '@tensorflow/tfjs';
import { DataError } from '../errors.ts';

/**
 * An array with one example per row. The engines `graph` and `xla` copy it to the device once, and each step gathers its
 * rows there. Do not change its values while an engine uses it.
 */
export interface DataArray {
  /** Values of shape [rows, ...featureShape] in row-major order. */
  readonly values: Uint8Array | Float32Array | Int32Array;
  /** Shape of one example, without the batch dimension: `[28, 28, 1]`, or `[]` for a label. */
  readonly featureShape: readonly number[];
}

/** The examples that a model is trained on. */
export interface TrainingData {
  /** Number of examples. */
  readonly rows: number;
  /** One array per input of the model, in the order of `model.inputs`. Bytes are passed on as float32, 0 to 255. */
  readonly inputs: readonly DataArray[];
  /** What the loss compares predictions with. Bytes are passed on as int32. */
  readonly labels: DataArray;
}

/** The tensors of one batch. */
export interface Batch {
  /** [batch, ...featureShape] each, float32, or int32 if the array is an Int32Array. */
  readonly inputs: tf.Tensor[];
  /** [batch, ...featureShape], int32, or float32 if the array is a Float32Array. */
  readonly labels: tf.Tensor;
}

/** A data array with the dtype that its batches have. */
export interface BatchArray extends DataArray {
  readonly dtype: 'float32' | 'int32';
}

/** Lists the arrays of the data with names for errors. */
export function dataArrays({ inputs, labels }: TrainingData): { name: string; array: DataArray }[] {
  return [
    ...inputs.map((array, index) => ({ name: `input ${index} of the data`, array })),
    { name: 'labels of the data', array: labels },
  ];
}

/** Lists the arrays of the data, inputs first and labels last, with the dtype of their batches. */
export function batchArrays({ inputs, labels }: TrainingData): BatchArray[] {
  return [
    ...inputs.map((array) => ({ ...array, dtype: batchDtype(array, 'float32') })),
    { ...labels, dtype: batchDtype(labels, 'int32') },
  ];
}

function batchDtype({ values }: DataArray, byteDtype: BatchArray['dtype']): BatchArray['dtype'] {
  if (values instanceof Uint8Array) return byteDtype;
  return values instanceof Int32Array ? 'int32' : 'float32';
}

/** Returns the batch of the given rows. The caller disposes its tensors. */
export function gatherBatch(data: TrainingData, rows: Int32Array): Batch {
  const tensors = batchArrays(data).map(({ values, featureShape, dtype }) => {
    const size = tf.util.sizeFromShape([...featureShape]);
    const gathered = new (dtype === 'int32' ? Int32Array : Float32Array)(rows.length * size);
    rows.forEach((row, index) => {
      gathered.set(values.subarray(row * size, (row + 1) * size), index * size);
    });
    return tf.tensor(gathered, [rows.length, ...featureShape], dtype);
  });
  return { inputs: tensors.slice(0, -1), labels: tensors.at(-1)! };
}

/**
 * Returns the number of steps that train on `rows`. Compiled code does not check rows itself: XLA clamps an
 * out-of-range row to the nearest valid one.
 *
 * @throws DataError if a row is outside the data, or the last batch is not full
 */
export function countSteps(rows: Int32Array, batchSize: number, data: TrainingData): number {
  if (rows.length % batchSize !== 0) {
    throw new DataError('invalid-data', `${rows.length} rows do not make whole batches of ${batchSize}`);
  }
  const outside = findOutside(rows, data.rows);
  if (outside !== undefined)
    throw new DataError('invalid-data', `row ${outside} is outside the data, which has ${data.rows} rows`);
  return rows.length / batchSize;
}

/** The first row that is not in [0, count). Not `for of`, which takes several times as long, while a GPU waits. */
function findOutside(rows: Int32Array, count: number): number | undefined {
  for (let index = 0; index < rows.length; index++) {
    const row = rows[index]!;
    if (row < 0 || row >= count) return row;
  }
  return undefined;
}

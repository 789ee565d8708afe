import * as tf from '@tensorflow/tfjs';

/**
 * Kernel `UnsortedSegmentSum`, the gradient of `gather` and so of an embedding: adds up the rows of `x` that have the same
 * id. Rows with an id outside 0..numSegments - 1 are left out.
 *
 * @param inputs `x` [...ids, ...row], `segmentIds` [...ids] int32
 * @returns [numSegments, ...row]
 */
export function unsortedSegmentSum(
  { x, segmentIds }: { readonly x: tf.Tensor; readonly segmentIds: tf.Tensor },
  { numSegments }: { readonly numSegments: number },
): tf.Tensor {
  const rowShape = x.shape.slice(segmentIds.rank);
  const rowSize = tf.util.sizeFromShape(rowShape);
  const values = x.dataSync();
  const sums = new Float64Array(numSegments * rowSize);
  segmentIds.dataSync().forEach((id, row) => {
    if (id < 0 || id >= numSegments) return;
    for (let index = 0; index < rowSize; index++)
      sums[id * rowSize + index]! += values[row * rowSize + index]!;
  });
  const result = x.dtype === 'int32' ? Int32Array.from(sums) : Float32Array.from(sums);
  return tf.tensor(result, [numSegments, ...rowShape], x.dtype);
}

import type { Foreground } from './foreground.ts';

/** Scales with a bilinear filter, which is wider when scaling down, so that thin strokes fade but do not break. */
export function resize(
  { width, height, values }: Foreground,
  newWidth: number,
  newHeight: number,
): Foreground {
  const rows = resizeRows(values, width, height, newWidth);
  const columns = resizeRows(transposed(rows, newWidth, height), height, newWidth, newHeight);
  return { width: newWidth, height: newHeight, values: transposed(columns, newHeight, newWidth) };
}

/** Scales each row of values [height, width] to newWidth. */
function resizeRows(values: Float32Array, width: number, height: number, newWidth: number): Float32Array {
  const filters = Array.from({ length: newWidth }, (_, column) => filterAt(column, width, newWidth));
  const result = new Float32Array(newWidth * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < newWidth; column++) {
      const { first, weights } = filters[column]!;
      let sum = 0;
      for (let index = 0; index < weights.length; index++) {
        sum += weights[index]! * values[row * width + first + index]!;
      }
      result[row * newWidth + column] = sum;
    }
  }
  return result;
}

/** The first old column that a new column is made from, and the weights from there on, which sum to 1. */
function filterAt(column: number, width: number, newWidth: number): { first: number; weights: Float64Array } {
  const scale = width / newWidth;
  const radius = Math.max(1, scale);
  const centre = (column + 0.5) * scale;
  const first = Math.max(0, Math.floor(centre - radius));
  const end = Math.min(width, Math.ceil(centre + radius));
  const weights = Float64Array.from({ length: end - first }, (_, index) =>
    Math.max(0, 1 - Math.abs(first + index + 0.5 - centre) / radius),
  );
  const total = weights.reduce((sum, weight) => sum + weight);
  return { first, weights: weights.map((weight) => weight / total) };
}

/** [height, width] to [width, height]. */
function transposed(values: Float32Array, width: number, height: number): Float32Array {
  return Float32Array.from(
    values,
    (_, index) => values[(index % height) * width + Math.floor(index / height)]!,
  );
}

import type { Ink } from './ink.ts';

/** Scales with a triangle filter that widens when shrinking, so that thin strokes fade instead of breaking. */
export function resize({ width, height, values }: Ink, newWidth: number, newHeight: number): Ink {
  const rows = resizeRows(values, width, height, newWidth);
  const columns = resizeRows(transposed(rows, newWidth, height), height, newWidth, newHeight);
  return { width: newWidth, height: newHeight, values: transposed(columns, newHeight, newWidth) };
}

function resizeRows(values: Float32Array, width: number, height: number, newWidth: number): Float32Array {
  const windows = Array.from({ length: newWidth }, (_, column) => windowAt(column, width, newWidth));
  const result = new Float32Array(newWidth * height);
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < newWidth; column++) {
      const { first, weights } = windows[column]!;
      let sum = 0;
      for (let index = 0; index < weights.length; index++) {
        sum += weights[index]! * values[row * width + first + index]!;
      }
      result[row * newWidth + column] = sum;
    }
  }
  return result;
}

/** The columns that make up a new one, and their weights, which sum to 1. */
function windowAt(column: number, width: number, newWidth: number): { first: number; weights: Float64Array } {
  const scale = width / newWidth;
  const radius = Math.max(1, scale);
  const centre = (column + 0.5) * scale;
  const first = Math.max(0, Math.floor(centre - radius));
  const last = Math.min(width, Math.ceil(centre + radius));
  const weights = Float64Array.from({ length: last - first }, (_, index) =>
    Math.max(0, 1 - Math.abs(first + index + 0.5 - centre) / radius),
  );
  const total = weights.reduce((sum, weight) => sum + weight);
  return { first, weights: weights.map((weight) => weight / total) };
}

function transposed(values: Float32Array, width: number, height: number): Float32Array {
  return Float32Array.from(
    values,
    (_, index) => values[(index % height) * width + Math.floor(index / height)]!,
  );
}

import type { Ink } from './ink.ts';

/** Ink weaker than this share of the strongest is paper: shadows, noise, JPEG traces. */
const PAPER_SHARE = 0.25;
/** A connected patch with less than this share of all ink is dust. */
const DUST_SHARE = 0.02;

/** The ink without paper noise and dust, which would else decide where the drawing begins and ends. */
export function withoutSpecks({ width, height, values }: Ink): Ink {
  const most = values.reduce((largest, value) => Math.max(largest, value), 0);
  const cleaned = values.map((value) => (value < PAPER_SHARE * most ? 0 : value));
  const total = cleaned.reduce((sum, value) => sum + value, 0);
  const seen = new Uint8Array(cleaned.length);
  for (let start = 0; start < cleaned.length; start++) {
    if (cleaned[start] === 0 || seen[start]) continue;
    const patch = patchAt(start, cleaned, width, seen);
    const mass = patch.reduce((sum, pixel) => sum + cleaned[pixel]!, 0);
    if (mass < DUST_SHARE * total) for (const pixel of patch) cleaned[pixel] = 0;
  }
  return { width, height, values: cleaned };
}

/** The pixels with ink that touch each other, corners included, from `start`; marks them as seen. */
function patchAt(start: number, values: Float32Array, width: number, seen: Uint8Array): number[] {
  const patch = [start];
  seen[start] = 1;
  for (let next = 0; next < patch.length; next++) {
    const column = patch[next]! % width;
    for (let across = column === 0 ? 0 : -1; across <= (column === width - 1 ? 0 : 1); across++) {
      for (const down of [-width, 0, width]) {
        const neighbour = patch[next]! + down + across;
        if (values[neighbour] && !seen[neighbour]) {
          seen[neighbour] = 1;
          patch.push(neighbour);
        }
      }
    }
  }
  return patch;
}

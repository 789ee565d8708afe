import type { Ink } from './ink.ts';

/** Ink weaker than this share of the strongest is paper: shadows, noise, JPEG traces. */
const PAPER_SHARE = 0.25;
/** A connected patch with less than this share of the largest patch's ink is dust. */
const DUST_SHARE = 0.02;

/** The ink without paper noise and dust, which would else decide where the drawing begins and ends. */
export function withoutSpecks({ width, height, values }: Ink): Ink {
  const strongest = values.reduce((most, value) => Math.max(most, value), 0);
  const cleaned = values.map((value) => (value < PAPER_SHARE * strongest ? 0 : value));
  const { patchOf, masses } = patches(cleaned, width);
  const largest = masses.reduce((most, mass) => Math.max(most, mass), 0);
  return {
    width,
    height,
    values: cleaned.map((value, pixel) => (masses[patchOf[pixel]!]! < DUST_SHARE * largest ? 0 : value)),
  };
}

/** Numbers the patches of pixels with ink that touch each other, corners included; patch 0 is paper. */
function patches(values: Float32Array, width: number): { patchOf: Int32Array; masses: number[] } {
  const patchOf = new Int32Array(values.length);
  const masses = [0];
  const stack: number[] = [];
  const visit = (pixel: number) => {
    if (!values[pixel] || patchOf[pixel] !== 0) return;
    patchOf[pixel] = masses.length - 1;
    masses[masses.length - 1]! += values[pixel];
    stack.push(pixel);
  };
  for (let start = 0; start < values.length; start++) {
    if (values[start] === 0 || patchOf[start] !== 0) continue;
    masses.push(0);
    visit(start);
    for (let pixel = stack.pop(); pixel !== undefined; pixel = stack.pop()) {
      const column = pixel % width;
      for (let across = column === 0 ? 0 : -1; across <= (column === width - 1 ? 0 : 1); across++) {
        visit(pixel - width + across);
        visit(pixel + across);
        visit(pixel + width + across);
      }
    }
  }
  return { patchOf, masses };
}

import type { Foreground } from './foreground.ts';

/** Pixels weaker than this share of the strongest are background: shadows, noise, JPEG artefacts. */
const BACKGROUND_SHARE = 0.25;
/** A connected component with less than this share of the largest one's mass is a speckle. */
const SPECKLE_SHARE = 0.02;

/** Sets background noise and speckles to 0, so that they do not enlarge the bounding box of the drawing. */
export function removeSpeckles({ width, height, values }: Foreground): Foreground {
  const strongest = values.reduce((most, value) => Math.max(most, value), 0);
  const drawn = values.map((value) => (value < BACKGROUND_SHARE * strongest ? 0 : value));
  const { componentOf, masses } = connectedComponents(drawn, width);
  const largest = masses.reduce((most, mass) => Math.max(most, mass), 0);
  return {
    width,
    height,
    values: drawn.map((value, pixel) => (masses[componentOf[pixel]!]! < SPECKLE_SHARE * largest ? 0 : value)),
  };
}

/** Labels connected pixels above 0 (8 neighbours) by a flood fill; component 0 is the background. */
function connectedComponents(
  values: Float32Array,
  width: number,
): { componentOf: Int32Array; masses: number[] } {
  const componentOf = new Int32Array(values.length);
  const masses = [0];
  const stack: number[] = [];
  const visit = (pixel: number) => {
    if (!values[pixel] || componentOf[pixel] !== 0) return;
    componentOf[pixel] = masses.length - 1;
    masses[masses.length - 1]! += values[pixel];
    stack.push(pixel);
  };
  for (let start = 0; start < values.length; start++) {
    if (values[start] === 0 || componentOf[start] !== 0) continue;
    masses.push(0);
    visit(start);
    for (let pixel = stack.pop(); pixel !== undefined; pixel = stack.pop()) {
      const column = pixel % width;
      const [left, right] = [column === 0 ? 0 : -1, column === width - 1 ? 0 : 1];
      for (let shift = left; shift <= right; shift++) {
        visit(pixel - width + shift);
        visit(pixel + shift);
        visit(pixel + width + shift);
      }
    }
  }
  return { componentOf, masses };
}

/** Steps of the first call, of which the speed is not known yet. */
const FIRST = 16;
/** What a compiled engine takes in one piece. */
const MOST = 512;
/** Long enough to be worth a call, short enough for progress and signals. */
const WANTED_MS = 250;

/** Chooses how many steps to make in a call, so that calls take about a quarter of a second. */
export function createPacer(fixed?: number): {
  next(): number;
  took(steps: number, elapsedMs: number): void;
} {
  let count = fixed ?? FIRST;
  return {
    next: () => count,
    took(steps, elapsedMs) {
      if (fixed !== undefined) return;
      const possible = (steps * WANTED_MS) / Math.max(elapsedMs, 1);
      // Multiples of four suit loops that make several steps in one turn; growth is bounded, a call may be slow by chance.
      count = Math.max(4, Math.min(MOST, count * 8, Math.floor(possible / 4) * 4));
    },
  };
}

/** Steps of the first call, whose speed is not known yet. */
const FIRST_STEPS = 16;
/** The most steps that a compiled engine runs in one call on a CPU. */
const MOST_STEPS = 512;
/** Long enough to make the cost of a call negligible, short enough for progress and signals. */
const TARGET_MS = 250;

/** Chooses how many steps to run per call of an engine, so that a call takes about a quarter of a second. */
export class StepsPerCall {
  readonly #fixed: boolean;
  #steps: number;

  /** @param fixed always run this many */
  constructor(fixed?: number) {
    this.#fixed = fixed !== undefined;
    this.#steps = fixed ?? FIRST_STEPS;
  }

  /** The steps of the next call. */
  get next(): number {
    return this.#steps;
  }

  /** Adapts the number to how long a call took. */
  record(steps: number, elapsedMs: number): void {
    if (this.#fixed) return;
    const stepsInTarget = (steps * TARGET_MS) / Math.max(elapsedMs, 1);
    // A multiple of four fits loops that are unrolled four times. Growth is limited, as a call may be fast by chance.
    this.#steps = Math.max(4, Math.min(MOST_STEPS, this.#steps * 8, Math.floor(stepsInTarget / 4) * 4));
  }
}

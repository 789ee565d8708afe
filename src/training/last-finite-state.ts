import type { Engine } from './engines/engine.ts';
import type { TrainingState } from './training-state.ts';

const SAVE_INTERVAL_MS = 2000;

/**
 * Restores the last state before the loss became NaN or infinite. The loss of a step is computed before its update,
 * so the weights after s steps are known to be good if the loss of step s is finite. Saving the state at every step
 * would be slow; it is saved every two seconds, and the steps from there on are run again.
 */
export class LastFiniteState {
  readonly #engine: Engine;
  readonly #runSteps: (first: number, count: number) => void;
  /** The two latest states: the loss that follows the last one may turn out not to be finite. */
  #saved: TrainingState[];
  #savedAtMs = performance.now();

  /** @param runSteps runs `count` steps of the training from step `first` on, with the same rows as before */
  constructor(engine: Engine, runSteps: (first: number, count: number) => void) {
    this.#engine = engine;
    this.#runSteps = runSteps;
    this.#saved = [engine.state()];
  }

  /** Saves the engine's state if the last one is older than two seconds. */
  saveIfDue(): void {
    if (performance.now() - this.#savedAtMs < SAVE_INTERVAL_MS) return;
    this.#saved = [...this.#saved.slice(-1), this.#engine.state()];
    this.#savedAtMs = performance.now();
  }

  /**
   * Sets engine and model to the last state with a finite loss.
   *
   * @param nonFiniteStep the first step whose loss is not finite
   * @returns the step of the restored state
   */
  restore(nonFiniteStep: number): number {
    const state = this.#saved.findLast(({ step }) => step < nonFiniteStep) ?? this.#saved[0]!;
    this.#engine.restore(state);
    const missing = Math.max(0, nonFiniteStep - 1 - state.step);
    if (missing > 0) this.#runSteps(state.step, missing);
    this.#engine.syncModel();
    return state.step + missing;
  }
}

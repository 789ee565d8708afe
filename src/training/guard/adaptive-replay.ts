import { type Sampler, shuffledSampler } from '../../data/index.ts';
import { UsageError } from '../../errors.ts';
import { STREAMS } from '../../random.ts';
import { requireWholeNumber } from '../arguments.ts';
import { type AdaptiveReplayOptions, validateReplayOptions } from './replay-options.ts';
import type { ClassCount } from './tradeoff.ts';

/** A sampler that replays more of the classes that training makes worse. */
export interface AdaptiveReplay extends Sampler {
  /**
   * Adapts the batches from `step` on: classes that lost accuracy are replayed more, classes that gained less.
   *
   * @param step a whole number; all batches up to it are drawn again, which takes about a microsecond per row
   * @param before counts of all classes before training, indexed by label
   * @param after the same at `step`
   * @throws UsageError if an argument is invalid
   */
  update(step: number, before: readonly ClassCount[], after: readonly ClassCount[]): void;
}

/**
 * Creates a sampler that draws `fraction` of each batch from the other classes. Each class has a weight, at first
 * 1, and gets rows in proportion to it. Weights follow the multiplicative weights method (Arora, Hazan, Kale 2012): each check multiplies
 * the weight of a class by e^(drop / maxDrop). The rows of each class are shuffled separately.
 *
 * @throws UsageError if an option is invalid
 * @example
 * const replay = adaptiveReplay({ rows, replayRows, fraction: 0.5, batchSize: 10, seed: 0, maxDrop: 0.01 });
 * const training = trainGuarded({ task, engine, sampler: replay, steps: 1000, guard: { ...guard, replay } });
 */
export function adaptiveReplay(options: AdaptiveReplayOptions): AdaptiveReplay {
  validateReplayOptions(options);
  return new WeightedReplay(options);
}

/** Bounds of the exponent of one update. They limit the effect of a noisy check. */
const EXPONENTS = { least: -1, most: 2 } as const;
/**
 * Bounds of the weights. The lower one keeps all classes in the batches and lets a weight recover in a few checks.
 */
const WEIGHTS = { least: 0.5, most: 100 } as const;
/** Smallest divisor in drop / maxDrop, so that `maxDrop` may be 0: a tenth of a percentage point. */
const SMALLEST_BUDGET = 0.001;

/** State of the sampler before a batch. Arrays have one element per replayed class. */
interface ReplayState {
  batch: number;
  readonly weights: number[];
  /**
   * Credit of each class, which decides the class of the next row (smooth weighted round-robin). Before each row,
   * every class gains weight / sum of weights. The row is taken from the class with the most credit, which then loses
   * 1.
   */
  readonly credits: number[];
  /** Number of rows taken from each class so far. */
  readonly taken: number[];
}

class WeightedReplay implements AdaptiveReplay {
  readonly #options: AdaptiveReplayOptions;
  readonly #labels: readonly number[];
  readonly #targetSampler: Sampler;
  readonly #classSamplers: readonly Sampler[];
  /**
   * The states at the start and after each update, ordered by batch. The state at any batch is computed from them.
   */
  readonly #snapshots: ReplayState[];
  /** The snapshot that `#current` was computed from. */
  #origin: ReplayState;
  /** The state after the last batch drawn. Batches taken in order continue from it instead of from a snapshot. */
  #current: ReplayState;

  constructor(options: AdaptiveReplayOptions) {
    const { rows, replayRows, seed } = options;
    this.#options = options;
    this.#labels = [...replayRows.keys()];
    this.#targetSampler = shuffledSampler({ rows, seed });
    this.#classSamplers = [...replayRows].map(([label, classRows]) =>
      shuffledSampler({ rows: classRows, seed, stream: STREAMS.adaptiveReplay + label }),
    );
    const filled = (value: number) => this.#labels.map(() => value);
    this.#origin = { batch: 0, weights: filled(1), credits: filled(0), taken: filled(0) };
    this.#snapshots = [this.#origin];
    this.#current = copyState(this.#origin);
  }

  take(firstExample: number, count: number): Int32Array {
    requireWholeNumber('first example', firstExample);
    requireWholeNumber('number of examples', count);
    const { batchSize } = this.#options;
    const firstBatch = Math.floor(firstExample / batchSize);
    const skipped = firstExample - firstBatch * batchSize;
    const batches = Math.ceil((skipped + count) / batchSize);
    const rows = new Int32Array(batches * batchSize);
    for (let index = 0; index < batches; index++) {
      rows.set(this.#drawBatch(this.#stateBefore(firstBatch + index)), index * batchSize);
    }
    return rows.slice(skipped, skipped + count);
  }

  update(step: number, before: readonly ClassCount[], after: readonly ClassCount[]): void {
    requireWholeNumber('step', step);
    const unknown = this.#labels.find((label) => !before[label] || !after[label]);
    if (unknown !== undefined) {
      throw new UsageError('invalid-argument', `counts: class ${unknown} is missing, which is replayed`);
    }
    const scale = Math.max(this.#options.maxDrop, SMALLEST_BUDGET);
    const state = copyState(this.#stateBefore(step));
    this.#labels.forEach((label, index) => {
      const { support, errors } = before[label]!;
      const drop = support === 0 ? 0 : (after[label]!.errors - errors) / support;
      const exponent = clamp(drop / scale, EXPONENTS);
      state.weights[index] = clamp(state.weights[index]! * Math.exp(exponent), WEIGHTS);
    });
    // An update at an earlier step than the last one discards the updates from that step on.
    this.#snapshots.splice(this.#snapshots.findLastIndex(({ batch }) => batch < step) + 1);
    this.#snapshots.push(state);
  }

  /** Returns the state before a batch, computed from the last snapshot at or before it. */
  #stateBefore(batch: number): ReplayState {
    const snapshot = this.#snapshots.findLast((candidate) => candidate.batch <= batch)!;
    if (snapshot !== this.#origin || this.#current.batch > batch) {
      this.#origin = snapshot;
      this.#current = copyState(snapshot);
    }
    while (this.#current.batch < batch) this.#drawBatch(this.#current);
    return this.#current;
  }

  /** Returns the rows of the next batch, target classes first, and advances the state. */
  #drawBatch(state: ReplayState): Int32Array {
    const { batchSize } = this.#options;
    const replayedBefore = this.#replayedRows(state.batch);
    const replayCount = this.#replayedRows(state.batch + 1) - replayedBefore;
    const rows = new Int32Array(batchSize);
    const targetStart = state.batch * batchSize - replayedBefore;
    rows.set(this.#targetSampler.take(targetStart, batchSize - replayCount));
    const totalWeight = state.weights.reduce((sum, weight) => sum + weight);
    for (let index = batchSize - replayCount; index < batchSize; index++) {
      rows[index] = this.#drawReplayRow(state, totalWeight);
    }
    state.batch += 1;
    return rows;
  }

  #drawReplayRow(state: ReplayState, totalWeight: number): number {
    const { weights, credits, taken } = state;
    weights.forEach((weight, index) => {
      credits[index]! += weight / totalWeight;
    });
    const next = credits.indexOf(Math.max(...credits));
    credits[next]! -= 1;
    return this.#classSamplers[next]!.take(taken[next]!++, 1)[0]!;
  }

  /** Number of replayed rows in the first `batches` batches: as close to `fraction` as whole rows allow. */
  #replayedRows(batches: number): number {
    const { fraction, batchSize } = this.#options;
    return Math.round(batches * fraction * batchSize);
  }
}

function copyState({ batch, weights, credits, taken }: ReplayState): ReplayState {
  return { batch, weights: [...weights], credits: [...credits], taken: [...taken] };
}

function clamp(value: number, { least, most }: { readonly least: number; readonly most: number }): number {
  return Math.max(least, Math.min(most, value));
}

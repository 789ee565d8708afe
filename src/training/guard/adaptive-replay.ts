import { type Sampler, shuffledSampler } from '../../data/index.ts';
import { STREAMS } from '../../random.ts';
import type { ClassCount } from './policy.ts';

/** What is replayed, and how much. */
export interface AdaptiveReplayOptions {
  /** Rows of the tuned classes. */
  readonly rows: Int32Array;
  /** Rows of each other class, by label. */
  readonly replayRows: ReadonlyMap<number, Int32Array>;
  /** Share of each batch that comes from the other classes, in (0, 1). */
  readonly share: number;
  readonly batchSize: number;
  readonly seed: number;
  /** The accuracy that a class may lose, as a fraction; what it loses is seen in relation to this. */
  readonly maxDrop: number;
}

/** An order of rows whose replay answers to what training costs. */
export interface AdaptiveReplay extends Sampler {
  /** From `step` on, classes that lost are replayed more, those that gained less. Counts are by label. */
  update(step: number, before: readonly ClassCount[], after: readonly ClassCount[]): void;
}

/** How far one check moves the weights: a class at its limit is replayed e times as often from then on. */
const RATE = 1;
/** Weights stay within these: none is forgotten, and none that gained takes long to come back. */
const LEAST = 0.5;
const MOST = 100;
/** A budget of nothing still needs a scale: a tenth of a point. */
const SMALLEST_DROP = 0.001;

/** Where the order stands before a batch: per replayed class its weight, its claim to the next row, its rows used. */
interface Stand {
  batch: number;
  readonly weights: number[];
  readonly claims: number[];
  readonly used: number[];
}

/**
 * Replay whose classes are drawn by weight, after the multiplicative weights method (Arora, Hazan, Kale 2012):
 * each check raises the weights of classes that lost accuracy and lowers those of classes that gained. Each
 * class has its own seeded order; within a batch and from batch to batch the classes take turns by weight.
 */
export function adaptiveReplay(options: AdaptiveReplayOptions): AdaptiveReplay {
  const { rows, replayRows, share, batchSize, seed, maxDrop } = options;
  if (!(share > 0 && share < 1)) throw new RangeError(`share ${share} is outside (0, 1)`);
  const tuned = shuffledSampler({ rows, seed });
  const labels = [...replayRows.keys()];
  const orders = labels.map((label) =>
    shuffledSampler({ rows: replayRows.get(label)!, seed, stream: STREAMS.adaptiveReplay + label }),
  );
  const zeros = () => labels.map(() => 0);
  const marks: Stand[] = [{ batch: 0, weights: labels.map(() => 1), claims: zeros(), used: zeros() }];
  const replayedBefore = (batch: number) => Math.round(batch * share * batchSize);

  /** Draws a batch and moves the stand behind it. */
  function draw(stand: Stand): Int32Array {
    const before = replayedBefore(stand.batch);
    const count = replayedBefore(stand.batch + 1) - before;
    const drawn = new Int32Array(batchSize);
    drawn.set(tuned.take(stand.batch * batchSize - before, batchSize - count));
    const total = stand.weights.reduce((sum, weight) => sum + weight);
    for (let place = batchSize - count; place < batchSize; place++) {
      stand.weights.forEach((weight, index) => {
        stand.claims[index]! += weight / total;
      });
      const next = stand.claims.indexOf(Math.max(...stand.claims));
      stand.claims[next]! -= 1;
      drawn[place] = orders[next]!.take(stand.used[next]!++, 1)[0]!;
    }
    stand.batch += 1;
    return drawn;
  }

  let mark = marks[0]!;
  let cursor = copy(mark);
  /** The stand before a batch, reached from the last check at or before it. */
  function standAt(batch: number): Stand {
    const last = marks.findLast((one) => one.batch <= batch)!;
    if (last !== mark || cursor.batch > batch) {
      mark = last;
      cursor = copy(mark);
    }
    while (cursor.batch < batch) draw(cursor);
    return cursor;
  }

  return {
    take(firstExample, count) {
      const firstBatch = Math.floor(firstExample / batchSize);
      const skipped = firstExample - firstBatch * batchSize;
      const taken = new Int32Array(Math.ceil((skipped + count) / batchSize) * batchSize);
      for (let place = 0; place < taken.length; place += batchSize) {
        taken.set(draw(standAt(firstBatch + place / batchSize)), place);
      }
      return taken.slice(skipped, skipped + count);
    },
    update(step, before, after) {
      const { weights, ...stand } = copy(standAt(step));
      const scale = Math.max(maxDrop, SMALLEST_DROP);
      const steered = weights.map((weight, index) => {
        const { support, errors } = before[labels[index]!]!;
        const drop = support === 0 ? 0 : (after[labels[index]!]!.errors - errors) / support;
        const push = Math.max(-1, Math.min(2, drop / scale));
        return Math.max(LEAST, Math.min(MOST, weight * Math.exp(RATE * push)));
      });
      marks.splice(marks.findLastIndex((one) => one.batch < step) + 1);
      marks.push({ ...stand, weights: steered });
    },
  };
}

function copy({ batch, weights, claims, used }: Stand): Stand {
  return { batch, weights: [...weights], claims: [...claims], used: [...used] };
}

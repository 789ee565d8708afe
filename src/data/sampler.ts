import { checkArgument, checkOptions } from '../arguments.ts';
import { createRandom, permutation, STREAMS, shuffle } from '../random.ts';

/** An endless sequence of rows to train on, read by position, so that training can resume at any step. */
export interface Sampler {
  /** Returns the rows at positions `firstExample` .. `firstExample + count - 1` [count]. */
  take(firstExample: number, count: number): Int32Array;
}

/**
 * Returns all rows in a new random order every epoch; position p belongs to epoch floor(p / rows).
 *
 * Epochs follow each other without a gap: if the batch size does not divide the number of rows, the last batch of an
 * epoch is filled with the first rows of the next. So all batches are full and all rows are used equally often.
 * (PyTorch's DataLoader shortens or drops that batch.)
 *
 * @param options.rows the rows, or their number n for the rows 0 .. n - 1
 * @param options.stream which of the independent orders of a seed, see `STREAMS`
 * @throws UsageError if an option is not what its type says
 * @throws RangeError if there are no rows
 * @example
 * const sampler = shuffledSampler({ rows: train.count, seed: 0 });
 * const batch = sampler.take(step * batchSize, batchSize);
 */
export function shuffledSampler(options: {
  rows: Int32Array | number;
  seed: number;
  stream?: number;
}): Sampler {
  return samplerOfOrders(options, (epoch) => epochOrder(options, epoch));
}

/** What the orders of all epochs depend on, see `shuffledSampler`. */
export interface OrderOptions {
  rows: Int32Array | number;
  seed: number;
  stream?: number;
}

/** Draws the order of an epoch: all rows, shuffled [rows]. */
export function epochOrder({ rows, seed, stream = STREAMS.order }: OrderOptions, epoch: number): Int32Array {
  const random = createRandom(seed, epoch, stream);
  return typeof rows === 'number' ? permutation(rows, random) : shuffle(Int32Array.from(rows), random);
}

/**
 * Like `shuffledSampler`, with the orders of the epochs from a function.
 *
 * @param orderOf returns the same as `epochOrder`; the sampler reads an order only until it requests another one
 */
export function samplerOfOrders(options: OrderOptions, orderOf: (epoch: number) => Int32Array): Sampler {
  checkOptions(options, { seed: 'number', stream: 'number?' });
  const { rows } = options;
  if (typeof rows !== 'number') checkArgument('rows', rows, 'numbers');
  const count = typeof rows === 'number' ? rows : rows.length;
  if (!(Number.isSafeInteger(count) && count >= 1))
    throw new RangeError(`${count} rows: a sampler needs a whole number of at least 1`);
  let epoch = -1;
  let order: Int32Array = new Int32Array();
  return {
    take(firstExample, length) {
      for (const value of [firstExample, length])
        if (!(Number.isSafeInteger(value) && value >= 0))
          throw new RangeError(
            `${length} rows from position ${firstExample}: both must be whole numbers >= 0`,
          );
      const taken = new Int32Array(length);
      for (let done = 0; done < length; ) {
        const position = firstExample + done;
        const epochOfPosition = Math.floor(position / count);
        if (epochOfPosition !== epoch) order = orderOf(epochOfPosition);
        epoch = epochOfPosition;
        const start = position % count;
        const part = order.subarray(start, start + length - done);
        taken.set(part, done);
        done += part.length;
      }
      return taken;
    },
  };
}

/**
 * Mixes two sets of rows: in each batch, `fraction` of the examples come from `replayRows`, the others from
 * `rows`. Each set has its own random order, as in `shuffledSampler`.
 *
 * If `fraction * batchSize` is not a whole number, batches alternate between the two nearest whole numbers, so that the
 * running total is never off by more than half an example.
 *
 * @param options.fraction in [0, 1)
 * @throws UsageError if an option is not what its type says
 * @throws RangeError if `fraction` is outside that range
 */
export function replaySampler(options: {
  rows: Int32Array;
  replayRows: Int32Array;
  fraction: number;
  batchSize: number;
  seed: number;
}): Sampler {
  checkOptions(options, {
    rows: 'numbers',
    replayRows: 'numbers',
    fraction: 'number',
    batchSize: 'number',
    seed: 'number',
  });
  const { rows, replayRows, fraction, batchSize, seed } = options;
  if (!(fraction >= 0 && fraction < 1)) throw new RangeError(`fraction ${fraction} is outside [0, 1)`);
  const sampler = shuffledSampler({ rows, seed });
  if (fraction === 0) return sampler;
  const replayed = shuffledSampler({ rows: replayRows, seed, stream: STREAMS.replay });
  const replayedBefore = (batch: number) => Math.round(batch * fraction * batchSize);
  return {
    take(firstExample, count) {
      const firstBatch = Math.floor(firstExample / batchSize);
      const lastBatch = Math.ceil((firstExample + count) / batchSize);
      const batches = new Int32Array((lastBatch - firstBatch) * batchSize);
      for (let batch = firstBatch; batch < lastBatch; batch++) {
        const offset = (batch - firstBatch) * batchSize;
        const before = replayedBefore(batch);
        const replayCount = replayedBefore(batch + 1) - before;
        batches.set(sampler.take(batch * batchSize - before, batchSize - replayCount), offset);
        batches.set(replayed.take(before, replayCount), offset + batchSize - replayCount);
      }
      const skipped = firstExample - firstBatch * batchSize;
      return batches.slice(skipped, skipped + count);
    },
  };
}

import { createRandom, permutation } from '../random.ts';

/** An endless seeded order of rows, addressed by position: resuming at a position needs no history. */
export interface Sampler {
  /** The rows at positions `firstExample` .. `firstExample + count - 1`. */
  take(firstExample: number, count: number): Int32Array;
}

/**
 * Epoch after epoch over all rows, each epoch in its own random order; position p belongs to epoch
 * floor(p / rows). Where the batch size does not divide the rows, a batch takes its last rows from the
 * next epoch, so that every batch is full and every row is seen equally often. (PyTorch's DataLoader
 * makes that batch short, or drops it.)
 *
 * @param rows the rows, or how many there are (0 .. rows - 1)
 * @param stream tells orders of one seed apart
 */
export function shuffledSampler({
  rows,
  seed,
  stream = 0,
}: {
  rows: Int32Array | number;
  seed: number;
  stream?: number;
}): Sampler {
  const count = typeof rows === 'number' ? rows : rows.length;
  if (!(Number.isSafeInteger(count) && count >= 1))
    throw new RangeError(`${count} rows: an order needs a whole number of at least 1`);
  let epoch = -1;
  let order: Int32Array = new Int32Array();
  const enter = (wanted: number) => {
    if (wanted === epoch) return;
    order = permutation(count, createRandom(seed, wanted, stream));
    if (typeof rows !== 'number') order = order.map((index) => rows[index]!);
    epoch = wanted;
  };
  return {
    take(firstExample, length) {
      for (const value of [firstExample, length])
        if (!(Number.isSafeInteger(value) && value >= 0))
          throw new RangeError(`${length} rows from position ${firstExample}: give whole numbers from 0 up`);
      const taken = new Int32Array(length);
      for (let done = 0; done < length; ) {
        const position = firstExample + done;
        enter(Math.floor(position / count));
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
 * Batches that mix two sets of rows: in batch b, `share` of the examples come from `replayRows`, the others
 * from `rows`. Where `share * batchSize` is not whole, batches take one more or one less so that the running
 * total stays within half an example of it. Each set keeps an order of its own as `rowOrder` makes it.
 *
 * @param share in [0, 1)
 */
export function replaySampler({
  rows,
  replayRows,
  share,
  batchSize,
  seed,
}: {
  rows: Int32Array;
  replayRows: Int32Array;
  share: number;
  batchSize: number;
  seed: number;
}): Sampler {
  if (!(share >= 0 && share < 1)) throw new RangeError(`share ${share} is outside [0, 1)`);
  const tuned = shuffledSampler({ rows, seed });
  if (share === 0) return tuned;
  const replayed = shuffledSampler({ rows: replayRows, seed, stream: 1 });
  const replayedBefore = (batch: number) => Math.round(batch * share * batchSize);
  return {
    take(firstExample, count) {
      const firstBatch = Math.floor(firstExample / batchSize);
      const lastBatch = Math.ceil((firstExample + count) / batchSize);
      const whole = new Int32Array((lastBatch - firstBatch) * batchSize);
      for (let batch = firstBatch; batch < lastBatch; batch++) {
        const offset = (batch - firstBatch) * batchSize;
        const before = replayedBefore(batch);
        const replayCount = replayedBefore(batch + 1) - before;
        whole.set(tuned.take(batch * batchSize - before, batchSize - replayCount), offset);
        whole.set(replayed.take(before, replayCount), offset + batchSize - replayCount);
      }
      const skipped = firstExample - firstBatch * batchSize;
      return whole.slice(skipped, skipped + count);
    },
  };
}

import { expect, test } from 'vitest';
import { checkpointWhenDue } from '../../src/recipes/checkpoint.ts';

/** Checkpoints every 60 s by a clock that stands still, except for `tookMs` while one is saved. */
function atClock(save: (nowMs: number) => void = () => {}) {
  const clock = { nowMs: 1_000_000, tookMs: 0 };
  const saved: number[] = [];
  const notes: string[] = [];
  const checkpoint = checkpointWhenDue(
    async () => {
      saved.push(clock.nowMs);
      clock.nowMs += clock.tookMs;
      save(clock.nowMs);
    },
    { everyMs: 60_000, onNotice: (text) => notes.push(text), now: () => clock.nowMs },
  );
  return {
    clock,
    saved,
    notes,
    async at(...times: number[]) {
      for (const time of times) {
        clock.nowMs = 1_000_000 + time;
        await checkpoint();
      }
      return saved.map((time) => time - 1_000_000);
    },
  };
}

test('saves after a minute, and a minute after the last', async () => {
  const { at } = atClock();
  expect(await at(0, 59_999, 60_000, 60_001, 119_999, 125_000, 180_000, 185_000)).toEqual([
    60_000, 125_000, 185_000,
  ]);
});

test('saves less often if saving takes long: at most a fiftieth of the time', async () => {
  const { clock, at } = atClock();
  clock.tookMs = 2000;
  expect(await at(60_000, 161_999, 162_000)).toEqual([60_000, 162_000]);
});

test('continues after a failed checkpoint, reports the first failure in a row, and tries again', async () => {
  let full = true;
  const { at, notes } = atClock((nowMs) => {
    if (full) throw new Error(`the disk is full at ${nowMs}`);
  });
  await at(60_000, 120_000);
  full = false;
  await at(180_000);
  full = true;
  expect(await at(239_999, 240_000)).toEqual([60_000, 120_000, 180_000, 240_000]);
  expect(notes).toEqual(
    [1_060_000, 1_240_000].map(
      (time) => `warning: training continues without a new checkpoint: the disk is full at ${time}`,
    ),
  );
});

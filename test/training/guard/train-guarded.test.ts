import { describe, expect, test } from 'vitest';
import { UsageError } from '../../../src/errors.ts';
import { shuffledSampler } from '../../../src/mnist-data-loader/index.ts';
import type { Engine, TrainingState } from '../../../src/training/engine.ts';
import {
  type AdaptiveReplay,
  type GuardedProgress,
  type GuardedResult,
  type GuardHistory,
  trainGuarded,
} from '../../../src/training/index.ts';
import { smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice('js');

/** An engine whose only weight is the number of steps done. */
function countingEngine(): Engine & { done: number; synced: number } {
  const engine = {
    name: 'eager' as const,
    done: 0,
    synced: 0,
    run(rows: Int32Array) {
      engine.done += rows.length / 6;
      return new Float32Array(rows.length / 6).fill(1);
    },
    state: (): TrainingState => ({ step: engine.done, weights: new Map(), slots: new Map() }),
    restore({ step }: TrainingState) {
      engine.done = step;
    },
    syncModel() {
      engine.synced = engine.done;
    },
    dispose() {},
  };
  return engine;
}

const before = [
  { support: 100, errors: 50 },
  { support: 100, errors: 0 },
];

interface Scenario {
  /** Errors of the tuned and the other class after so many steps. */
  errorsAfter(step: number): [number, number];
  steps?: number;
  signal?: AbortSignal;
  resume?: TrainingState;
  patience?: number;
  replay?: AdaptiveReplay;
  history?: GuardHistory;
}

async function run({ errorsAfter, steps = 100, patience, replay, history, ...rest }: Scenario) {
  const engine = countingEngine();
  const training = trainGuarded({
    task: smallTask(),
    engine,
    sampler: shuffledSampler({ rows: 60, seed: 0 }),
    steps,
    ...rest,
    guard: {
      targetLabels: [0],
      maxDrop: 0.05,
      before,
      checkEvery: 10,
      patience,
      replay,
      history,
      measure: () => errorsAfter(engine.synced).map((errors) => ({ support: 100, errors })),
    },
  });
  const progress: GuardedProgress[] = [];
  for (;;) {
    const next = await training.next();
    if (next.done) return { engine, progress, result: next.value as GuardedResult };
    progress.push(next.value);
  }
}

test('ends when the budget is exceeded as often in a row as patience allows, and goes back to the best state within it', async () => {
  const { engine, progress, result } = await run({
    patience: 2,
    errorsAfter: (step) => [50 - step / 2, step / 5],
  });
  // The other class loses 0.05 at step 25: step 20 is the last check within the budget, 30 and 40 are beyond.
  expect(result.checks.map(({ step, withinBudget }) => [step, withinBudget])).toEqual([
    [0, true],
    [10, true],
    [20, true],
    [30, false],
    [40, false],
  ]);
  expect(result.kept).toMatchObject({ step: 20, gain: 0.1, drop: 0.04, dropLabel: 1 });
  expect([result.endedAt, result.status, result.state.step]).toEqual([40, 'finished', 20]);
  expect([engine.done, engine.synced]).toEqual([20, 20]);
  expect(progress.map(({ check }) => check)).toEqual(result.checks.slice(1));
});

test('goes on when the budget is exceeded once and kept again', async () => {
  const { result } = await run({ errorsAfter: (step) => [50 - step / 10, step === 30 ? 20 : 0] });
  expect([result.endedAt, result.kept.step]).toEqual([undefined, 100]);
});

test('goes back to an earlier state that gained more, also when training ran to its end', async () => {
  const { engine, result } = await run({ errorsAfter: (step) => [40 + Math.abs(step - 50), 0] });
  expect([result.endedAt, result.kept.step, engine.synced]).toEqual([undefined, 50, 50]);
});

test('goes back to the start when no state keeps the budget', async () => {
  const { engine, result } = await run({ errorsAfter: (step) => (step === 0 ? [50, 0] : [0, 50]) });
  expect([result.kept.step, result.kept.gain, engine.synced]).toEqual([0, 0, 0]);
});

test('a training that is stopped stays where it is, and can go on from there', async () => {
  const stop = new AbortController();
  const stopped = await run({
    signal: stop.signal,
    errorsAfter: (step) => {
      if (step === 30) stop.abort();
      return [50 - step / 10, 6];
    },
    patience: 9,
  });
  expect([stopped.result.status, stopped.result.state.step, stopped.engine.synced]).toEqual([
    'stopped',
    30,
    30,
  ]);
  const resumed = await run({ resume: stopped.result.state, errorsAfter: (step) => [50 - step / 10, 0] });
  expect(resumed.result.checks.map(({ step }) => step)).toEqual([30, 40, 50, 60, 70, 80, 90, 100]);
});

describe('with its history, a training that was stopped', () => {
  const patience = 4;
  /** Within the budget up to step 20, where the most is gained; the guard ends it at step 60. */
  const errorsAfter = (step: number): [number, number] => [50 - step / 10, step > 20 ? 50 : 0];

  async function stopAt(last: number) {
    const stop = new AbortController();
    const { result } = await run({
      signal: stop.signal,
      patience,
      errorsAfter: (step) => {
        if (step === last) stop.abort();
        return errorsAfter(step);
      },
    });
    expect(result).toMatchObject({ status: 'stopped', state: { step: last } });
    return result;
  }

  test('ends, and goes back to a state before the stop, as if it had not stopped', async () => {
    const whole = await run({ errorsAfter, patience });
    expect([whole.result.endedAt, whole.result.kept.step]).toEqual([60, 20]);
    const { state, history } = await stopAt(40);
    const resumed = await run({ errorsAfter, patience, resume: state, history });
    const { checks, kept, endedAt, state: end } = resumed.result;
    expect({ checks, kept, endedAt, end }).toEqual({
      checks: whole.result.checks,
      kept: whole.result.kept,
      endedAt: 60,
      end: whole.result.state,
    });
    expect(resumed.result.history).toEqual(whole.result.history);
  });

  test('goes on from each report of its progress as from a stop, from the last one by ending at once', async () => {
    const whole = await run({ errorsAfter, patience });
    for (const { step, history } of whole.progress) {
      const checks = history.checks.filter((one) => one.step <= step);
      const resume = { step, weights: new Map(), slots: new Map() };
      const { engine, progress, result } = await run({
        ...{ errorsAfter, patience, resume },
        history: { ...history, checks },
      });
      expect(progress.length).toBe((60 - step) / 10);
      expect([result.status, result.endedAt, result.checks]).toEqual(['finished', 60, whole.result.checks]);
      expect([engine.done, engine.synced]).toEqual([20, 20]);
    }
  });

  test('steers its replay through the same checks again', async () => {
    const { state, history } = await stopAt(20);
    const steered: number[] = [];
    const replay: AdaptiveReplay = {
      take: (_, count) => new Int32Array(count),
      update: (step) => steered.push(step),
    };
    await run({ errorsAfter, patience, replay, resume: state, history, steps: 40 });
    expect(steered).toEqual([0, 10, 20, 30, 40]);
  });

  test('does not go on with other examples held out', async () => {
    const { state, history } = await stopAt(20);
    const other = history.checks.map(({ step, counts }) => ({ step, counts: [...counts, counts[0]!] }));
    await expect(run({ errorsAfter, resume: state, history: { ...history, checks: other } })).rejects.toThrow(
      /other examples than before the stop/,
    );
  });
});

test('three checks beyond the budget end training, unless the replay is steered', async () => {
  const errorsAfter = (step: number): [number, number] => [50, step === 0 ? 0 : 50];
  expect((await run({ errorsAfter })).result.endedAt).toBe(30);
  const replay: AdaptiveReplay = { take: (_, count) => new Int32Array(count), update() {} };
  expect((await run({ errorsAfter, replay })).result.endedAt).toBeUndefined();
});

test('each check steers the replay from its step on', async () => {
  const steered: unknown[] = [];
  const replay: AdaptiveReplay = {
    take: (first, count) => shuffledSampler({ rows: 60, seed: 0 }).take(first, count),
    update: (step, base, after) => steered.push([step, base, after.map(({ errors }) => errors)]),
  };
  await run({ steps: 20, replay, errorsAfter: (step) => [50, step / 10] });
  expect(steered).toEqual([
    [0, before, [50, 0]],
    [10, before, [50, 1]],
    [20, before, [50, 2]],
  ]);
});

test('a patience of no checks is refused', async () => {
  await expect(run({ patience: 0, errorsAfter: () => [0, 0] })).rejects.toThrow(UsageError);
});

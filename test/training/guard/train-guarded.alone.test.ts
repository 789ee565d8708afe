import { describe, expect, test } from 'vitest';
import { shuffledSampler } from '../../../src/data/index.ts';
import { UsageError } from '../../../src/errors.ts';
import {
  type AdaptiveReplay,
  type Engine,
  type GuardedProgress,
  type GuardedResult,
  type GuardHistory,
  type TrainingState,
  trainGuarded,
} from '../../../src/training/index.ts';
import { smallTask } from '../../helpers/small-task.ts';
import { useDevice } from '../../helpers/tensorflow.ts';

useDevice('js');

/** An engine that does nothing but count steps. `synced` is the step of the weights in the model. */
function countingEngine(): Engine & { step: number; synced: number } {
  const engine = {
    name: 'eager' as const,
    step: 0,
    synced: 0,
    run(rows: Int32Array) {
      engine.step += rows.length / 6;
      return new Float32Array(rows.length / 6).fill(1);
    },
    state: (): TrainingState => ({ step: engine.step, weights: new Map(), slots: new Map() }),
    restore({ step }: TrainingState) {
      engine.step = step;
    },
    syncModel() {
      engine.synced = engine.step;
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
  /** Errors of the target class and of the other class after a number of steps. */
  errorsAfter(step: number): [number, number];
  steps?: number;
  signal?: AbortSignal;
  resume?: TrainingState;
  patience?: number;
  replay?: AdaptiveReplay;
  history?: GuardHistory;
}

/** Trains for 100 steps by default, with a check every 10 steps and a budget of 5 points for the other class. */
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

test('ends when patience is exhausted, and restores the best state within the budget', async () => {
  const { engine, progress, result } = await run({
    patience: 2,
    errorsAfter: (step) => [50 - step / 2, step / 5],
  });
  // The other class loses 0.05 at step 25: the check at step 20 is within the budget, those at 30 and 40 exceed it.
  expect(result.checks.map(({ step, withinBudget }) => [step, withinBudget])).toEqual([
    [0, true],
    [10, true],
    [20, true],
    [30, false],
    [40, false],
  ]);
  expect(result.kept).toMatchObject({ step: 20, gain: 0.1, drop: 0.04, dropLabel: 1 });
  expect([result.endedAt, result.status, result.state.step]).toEqual([40, 'finished', 20]);
  expect([engine.step, engine.synced]).toEqual([20, 20]);
  expect(progress.map(({ check }) => check)).toEqual(result.checks.slice(1));
});

test('continues if a check within the budget follows one that exceeds it', async () => {
  const { result } = await run({ errorsAfter: (step) => [50 - step / 10, step === 30 ? 20 : 0] });
  expect([result.endedAt, result.kept.step]).toEqual([undefined, 100]);
});

test('restores an earlier state that gained more, also if training ran to its last step', async () => {
  const { engine, result } = await run({ errorsAfter: (step) => [40 + Math.abs(step - 50), 0] });
  expect([result.endedAt, result.kept.step, engine.synced]).toEqual([undefined, 50, 50]);
});

test('restores the initial state if no other is within the budget', async () => {
  const { engine, result } = await run({ errorsAfter: (step) => (step === 0 ? [50, 0] : [0, 50]) });
  expect([result.kept.step, result.kept.gain, engine.synced]).toEqual([0, 0, 0]);
});

test('a stopped training keeps its last state, and can be resumed from it', async () => {
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

describe('a training that is resumed with its history', () => {
  const patience = 4;
  /** Gains most within the budget at step 20, and exceeds it after that: the guard ends training at step 60. */
  const errorsAfter = (step: number): [number, number] => [50 - step / 10, step > 20 ? 50 : 0];

  async function stopAt(lastStep: number) {
    const stop = new AbortController();
    const { result } = await run({
      signal: stop.signal,
      patience,
      errorsAfter: (step) => {
        if (step === lastStep) stop.abort();
        return errorsAfter(step);
      },
    });
    expect(result).toMatchObject({ status: 'stopped', state: { step: lastStep } });
    return result;
  }

  test('ends like an uninterrupted one, and restores a state from before the stop', async () => {
    const uninterrupted = await run({ errorsAfter, patience });
    expect([uninterrupted.result.endedAt, uninterrupted.result.kept.step]).toEqual([60, 20]);
    const { state, history } = await stopAt(40);
    const resumed = await run({ errorsAfter, patience, resume: state, history });
    const { checks, kept, endedAt } = resumed.result;
    expect({ checks, kept, endedAt, end: resumed.result.state }).toEqual({
      checks: uninterrupted.result.checks,
      kept: uninterrupted.result.kept,
      endedAt: 60,
      end: uninterrupted.result.state,
    });
    expect(resumed.result.history).toEqual(uninterrupted.result.history);
  });

  test('can continue from any progress report; from the last one it ends immediately', async () => {
    const uninterrupted = await run({ errorsAfter, patience });
    for (const { step, history } of uninterrupted.progress) {
      const { engine, progress, result } = await run({
        errorsAfter,
        patience,
        resume: { step, weights: new Map(), slots: new Map() },
        history: { ...history, checks: history.checks.filter((check) => check.step <= step) },
      });
      expect(progress.length).toBe((60 - step) / 10);
      const { status, endedAt, checks } = result;
      expect([status, endedAt, checks]).toEqual(['finished', 60, uninterrupted.result.checks]);
      expect([engine.step, engine.synced]).toEqual([20, 20]);
    }
  });

  test('updates its replay with the earlier checks first', async () => {
    const { state, history } = await stopAt(20);
    const updates: number[] = [];
    const replay: AdaptiveReplay = {
      take: (_, count) => new Int32Array(count),
      update: (step) => updates.push(step),
    };
    await run({ errorsAfter, patience, replay, resume: state, history, steps: 40 });
    expect(updates).toEqual([0, 10, 20, 30, 40]);
  });

  test('rejects another validation set', async () => {
    const { state, history } = await stopAt(20);
    const checks = history.checks.map(({ step, counts }) => ({ step, counts: [...counts, counts[0]!] }));
    await expect(run({ errorsAfter, resume: state, history: { ...history, checks } })).rejects.toThrow(
      /the validation set differs from that of the stopped training/,
    );
  });
});

test('the default patience is 3 checks, and unlimited with adaptive replay', async () => {
  const errorsAfter = (step: number): [number, number] => [50, step === 0 ? 0 : 50];
  expect((await run({ errorsAfter })).result.endedAt).toBe(30);
  const replay: AdaptiveReplay = { take: (_, count) => new Int32Array(count), update() {} };
  expect((await run({ errorsAfter, replay })).result.endedAt).toBeUndefined();
});

test('each check updates the replay at its step', async () => {
  const updates: unknown[] = [];
  const replay: AdaptiveReplay = {
    take: (first, count) => shuffledSampler({ rows: 60, seed: 0 }).take(first, count),
    update: (step, base, after) => updates.push([step, base, after.map(({ errors }) => errors)]),
  };
  await run({ steps: 20, replay, errorsAfter: (step) => [50, step / 10] });
  expect(updates).toEqual([
    [0, before, [50, 0]],
    [10, before, [50, 1]],
    [20, before, [50, 2]],
  ]);
});

test('rejects a patience of zero checks', async () => {
  await expect(run({ patience: 0, errorsAfter: () => [0, 0] })).rejects.toThrow(UsageError);
});

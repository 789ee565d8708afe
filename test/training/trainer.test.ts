import * as tf from '@tensorflow/tfjs';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { shuffledSampler } from '../../src/data/index.ts';
import { TrainingError, UsageError } from '../../src/errors.ts';
import { type Engine, type TrainingProgress, train, trainToEnd } from '../../src/training/index.ts';
import { engineOf } from '../helpers/engines.ts';
import { smallTask } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const sampler = shuffledSampler({ rows: 60, seed: 5 });

function setUp(options?: Parameters<typeof smallTask>[0]) {
  const task = smallTask(options);
  return { task, engine: engineOf('eager', task), sampler };
}

test('reports the step, each loss once, and the mean loss so far', async () => {
  const reports: TrainingProgress[] = [];
  const result = await trainToEnd({ ...setUp(), steps: 25, stepsPerCall: 10 }, (report) =>
    reports.push(report),
  );
  expect(reports.map(({ step, steps }) => [step, steps])).toEqual([
    [10, 25],
    [20, 25],
    [25, 25],
  ]);
  const losses = reports.flatMap((report) => [...report.losses]);
  expect(losses.length).toBe(25);
  const mean = (count: number) => losses.slice(0, count).reduce((sum, loss) => sum + loss, 0) / count;
  expect(reports[1]!.meanLoss).toBeCloseTo(mean(20), 12);
  expect(result.meanLoss).toBeCloseTo(mean(25), 12);
  expect([result.status, result.state.step]).toEqual(['finished', 25]);
  expect(result.elapsedMs).toBeGreaterThanOrEqual(reports[2]!.elapsedMs);
});

test('learns the same with any number of steps per call', async () => {
  const single = await trainToEnd({ ...setUp(), steps: 30, stepsPerCall: 1 });
  const adaptive = await trainToEnd({ ...setUp(), steps: 30 });
  expect(single.state).toEqual(adaptive.state);
});

test('resumes a stopped training bit for bit', async () => {
  const uninterrupted = await trainToEnd({ ...setUp(), steps: 30 });
  const stop = new AbortController();
  const stopped = await trainToEnd(
    { ...setUp(), steps: 30, stepsPerCall: 4, signal: stop.signal },
    ({ step }) => {
      if (step === 12) stop.abort();
    },
  );
  expect([stopped.status, stopped.state.step]).toEqual(['stopped', 12]);
  const resumed = await trainToEnd({ ...setUp(), steps: 30, resume: stopped.state });
  expect(resumed.state).toEqual(uninterrupted.state);
});

test('lets timers run between two calls of the engine', async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 0);
  const result = await trainToEnd({ ...setUp(), steps: 100_000, stepsPerCall: 2, signal: stop.signal });
  expect(result.status).toBe('stopped');
});

describe('if a loss is not finite', () => {
  const diverging = {
    optimizer: { rule: { kind: 'sgd' }, learningRate: 1e3 },
    loss: (predictions: tf.Tensor) => tf.mean(tf.square(predictions), 1),
  } as const;

  /**
   * Makes `performance.now` advance by `callMs` per call: from 2 s on, the trainer saves the state after each call.
   */
  function mockClock(callMs: number): void {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => {
      now += callMs;
      return now;
    });
    onTestFinished(() => void vi.restoreAllMocks());
  }

  test.for([
    [1, 0],
    [3, 0],
    [100, 0],
    [1, 3000],
    [3, 3000],
  ] as const)(
    'restores the last state with a finite loss (%i steps per call, %i ms each)',
    async ([stepsPerCall, callMs]) => {
      mockClock(callMs);
      const losses: number[] = [];
      const probe = setUp(diverging);
      for (let step = 0; step < 50 && losses.every(Number.isFinite); step++)
        losses.push(probe.engine.run(sampler.take(6 * step, 6))[0]!);
      const nonFiniteStep = losses.length - 1;
      expect(nonFiniteStep).toBeGreaterThan(0);

      const { task, engine } = setUp(diverging);
      const training = trainToEnd({ task, engine, sampler, steps: 50, stepsPerCall });
      await expect(training).rejects.toThrow(TrainingError);
      await expect(training).rejects.toThrow(
        `the loss of step ${nonFiniteStep + 1} is ${losses[nonFiniteStep]}; ` +
          `the weights after ${nonFiniteStep - 1} steps are restored`,
      );
      const expected = setUp(diverging);
      expected.engine.run(sampler.take(0, 6 * (nonFiniteStep - 1)));
      expect(engine.state()).toEqual(expected.engine.state());
      expect([...engine.state().weights.values()].every((values) => values.every(Number.isFinite))).toBe(
        true,
      );
    },
  );

  test('restores it also if only the weights after the last step are not finite', async () => {
    const schedule = { kind: 'step', every: 3, factor: 1e300 } as const;
    const optimizer = { rule: { kind: 'sgd' }, learningRate: 1e-2, schedule } as const;
    const { task, engine } = setUp({ optimizer });
    await expect(trainToEnd({ task, engine, sampler, steps: 4 })).rejects.toThrow(
      "'hidden/kernel' is not finite after step 4; the weights after 3 steps are restored",
    );
    const expected = await trainToEnd({ ...setUp({ optimizer }), steps: 3 });
    expect(engine.state()).toEqual(expected.state);
  });
});

test('writes the weights into the model when training ends', async () => {
  const { task, engine } = setUp();
  let synced = 0;
  const counting: Engine = Object.assign(Object.create(engine), {
    run: (rows: Int32Array) => engine.run(rows),
    state: () => engine.state(),
    syncModel: () => synced++,
  });
  await trainToEnd({ task, engine: counting, sampler, steps: 3 });
  expect(synced).toBe(1);
});

test('changes nothing in zero steps', async () => {
  const { task, engine } = setUp();
  const before = engine.state();
  const result = await trainToEnd({ task, engine, sampler, steps: 0 });
  expect([result.status, result.state]).toEqual(['finished', before]);
});

test.for<[string, { steps: number; stepsPerCall?: number; resumeAt?: number }, string]>([
  ['a negative number of steps', { steps: -1 }, 'steps -1: must be a whole number of at least 0'],
  ['zero steps per call', { steps: 1, stepsPerCall: 0 }, 'steps per call 0: must be'],
  [
    'fewer steps than the resumed state has',
    { steps: 5, resumeAt: 6 },
    'must be at least 6, the step of the state to resume',
  ],
])('rejects %s', async ([, { resumeAt, ...numbers }, message]) => {
  const { task, engine } = setUp();
  const resume = resumeAt === undefined ? undefined : { ...engine.state(), step: resumeAt };
  const training = train({ task, engine, sampler, resume, ...numbers }).next();
  await expect(training).rejects.toThrow(UsageError);
  await expect(training).rejects.toThrow(message);
});

import * as tf from '@tensorflow/tfjs';
import { expect, onTestFinished, test, vi } from 'vitest';
import { TrainingError, UsageError } from '../../src/errors.ts';
import { shuffledSampler } from '../../src/mnist-data-loader/index.ts';
import type { Engine } from '../../src/training/engine.ts';
import { EagerEngine } from '../../src/training/engines/eager.ts';
import { type TrainingProgress, train, trainToEnd } from '../../src/training/index.ts';
import { smallTask } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const sampler = shuffledSampler({ rows: 60, seed: 5 });

function setUp(options?: Parameters<typeof smallTask>[0]) {
  const task = smallTask(options);
  return { task, engine: new EagerEngine(task), sampler };
}

test('progress tells each loss once, their running mean, and where training stands', async () => {
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

test('how many steps make a call does not change what is learned', async () => {
  const [one, many] = [
    await trainToEnd({ ...setUp(), steps: 30, stepsPerCall: 1 }),
    await trainToEnd({ ...setUp(), steps: 30 }),
  ];
  expect(one.state).toEqual(many.state);
});

test('a stopped training ends with its state, from which another goes on to the same bits', async () => {
  const whole = await trainToEnd({ ...setUp(), steps: 30 });
  const stop = new AbortController();
  const stopped = await trainToEnd(
    { ...setUp(), steps: 30, stepsPerCall: 4, signal: stop.signal },
    ({ step }) => {
      if (step === 12) stop.abort();
    },
  );
  expect([stopped.status, stopped.state.step]).toEqual(['stopped', 12]);
  const rest = await trainToEnd({ ...setUp(), steps: 30, resume: stopped.state });
  expect(rest.state).toEqual(whole.state);
});

test('timers and signals get through between two calls', async () => {
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 0);
  const result = await trainToEnd({ ...setUp(), steps: 100_000, stepsPerCall: 2, signal: stop.signal });
  expect(result.status).toBe('stopped');
});

test.for([
  [1, 0],
  [3, 0],
  [100, 0],
  [1, 3000],
  [3, 3000],
] as const)(
  'a loss that is not finite ends at the last good state, with %i steps a call that take %i ms',
  async ([stepsPerCall, callMs]) => {
    let now = 0;
    vi.spyOn(performance, 'now').mockImplementation(() => {
      now += callMs;
      return now;
    });
    onTestFinished(() => void vi.restoreAllMocks());
    const diverging = {
      optimizer: { rule: { kind: 'sgd' }, learningRate: 1e3 },
      loss: (predictions: tf.Tensor) => tf.mean(tf.square(predictions), 1),
    } as const;
    const losses: number[] = [];
    const probe = setUp(diverging);
    for (let step = 0; step < 50 && losses.every(Number.isFinite); step++)
      losses.push(probe.engine.run(sampler.take(6 * step, 6))[0]!);
    const bad = losses.length - 1;
    expect(bad).toBeGreaterThan(0);

    const { task, engine } = setUp(diverging);
    const training = trainToEnd({ task, engine, sampler, steps: 50, stepsPerCall });
    await expect(training).rejects.toThrow(TrainingError);
    await expect(training).rejects.toThrow(
      `the loss of step ${bad + 1} is ${losses[bad]}; the weights are back at those after ${bad - 1} steps`,
    );
    const good = setUp(diverging);
    good.engine.run(sampler.take(0, 6 * (bad - 1)));
    expect(engine.state()).toEqual(good.engine.state());
    expect([...engine.state().weights.values()].every((values) => values.every(Number.isFinite))).toBe(true);
  },
);

test('weights that only the last step broke, of which there is no loss, end at the last good state too', async () => {
  const schedule = { kind: 'step', every: 3, factor: 1e300 } as const;
  const optimizer = { rule: { kind: 'sgd' }, learningRate: 1e-2, schedule } as const;
  const { task, engine } = setUp({ optimizer });
  await expect(trainToEnd({ task, engine, sampler, steps: 4 })).rejects.toThrow(
    "'hidden/kernel' holds values that are not finite after step 4; the weights are back at those after 3 steps",
  );
  const good = setUp({ optimizer });
  expect(engine.state()).toEqual((await trainToEnd({ ...good, steps: 3 })).state);
});

test('the model has the weights of the engine when training ends', async () => {
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

test('no steps at all are fine and change nothing', async () => {
  const { task, engine } = setUp();
  const before = engine.state();
  const result = await trainToEnd({ task, engine, sampler, steps: 0 });
  expect([result.status, result.state]).toEqual(['finished', before]);
});

test.for<[string, { steps: number; stepsPerCall?: number; resumeAt?: number }, string]>([
  ['negative steps', { steps: -1 }, '-1 steps: has to be a whole number of at least 0'],
  ['calls of no steps', { steps: 1, stepsPerCall: 0 }, '0 steps a call'],
  ['fewer steps than were done', { steps: 5, resumeAt: 6 }, 'training ended at step 6 already'],
])('%s are refused', async ([, { resumeAt, ...numbers }, message]) => {
  const { task, engine } = setUp();
  const resume = resumeAt === undefined ? undefined : { ...engine.state(), step: resumeAt };
  const training = train({ task, engine, sampler, resume, ...numbers }).next();
  await expect(training).rejects.toThrow(UsageError);
  await expect(training).rejects.toThrow(message);
});

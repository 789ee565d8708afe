import { describe, expect, test } from 'vitest';
import { shuffledSampler } from '../../src/data/index.ts';
import { CheckpointError } from '../../src/errors.ts';
import { type FitState, fitTask } from '../../src/recipes/fit.ts';
import type { EngineName, TrainingState } from '../../src/training/index.ts';
import { smallTask } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

const sampler = shuffledSampler({ rows: 60, seed: 0 });

/** Trains with a checkpoint after every call but the last; the first call makes 16 steps. */
async function fitWithCheckpoints(
  steps: number,
  engine: EngineName,
  taskOptions: Parameters<typeof smallTask>[0] = {},
  checkpointEveryMs = 0,
) {
  const task = smallTask(taskOptions);
  const saved: (FitState & { model: TrainingState['weights'] })[] = [];
  const result = await fitTask({
    task,
    sampler,
    steps,
    engine,
    checkpointEveryMs,
    saveCheckpoint: async (state) => {
      const weights = task.model.trainableWeights.map(
        (weight) => [weight.originalName, Float32Array.from(weight.read().dataSync<'float32'>())] as const,
      );
      saved.push({ ...state, model: new Map(weights) });
    },
  });
  return { saved, result };
}

test.each(['eager', 'graph', 'xla'] as const)(
  'a checkpoint of the %s engine holds the losses, state and model of its step',
  async (engine) => {
    const [first] = (await fitWithCheckpoints(100, engine)).saved;
    expect(first).toMatchObject({ status: 'stopped', engine });
    const { result } = await fitWithCheckpoints(first!.state.step, engine);
    expect(first!.losses).toEqual(result.losses);
    expect(first!.state).toEqual(result.state);
    expect(first!.model).toEqual(first!.state.weights);
  },
);

test.each(['eager', 'graph', 'xla'] as const)(
  'checkpoints do not change what the %s engine trains',
  async (engine) => {
    const { saved, result } = await fitWithCheckpoints(100, engine);
    expect(saved.length).toBeGreaterThan(0);
    const without = await fitWithCheckpoints(100, engine, {}, Number.POSITIVE_INFINITY);
    expect(without.saved).toEqual([]);
    expect(without.result.state).toEqual(result.state);
  },
);

test('no checkpoint is saved after the last step, because the run itself is saved', async () => {
  expect((await fitWithCheckpoints(16, 'eager')).saved).toEqual([]);
});

test('no checkpoint is saved if a weight is not finite', async () => {
  // The learning rate jumps at the last step of the first call, before a loss shows what that did.
  const { saved, result } = await fitWithCheckpoints(40, 'eager', {
    optimizer: {
      rule: { kind: 'sgd' },
      learningRate: 1e-2,
      schedule: { kind: 'step', every: 15, factor: 1e45 },
    },
  });
  expect(result).toMatchObject({ status: 'stopped', state: { step: 15 } });
  expect(result.failure?.message).toMatch(/the loss of step 17 is/);
  expect(saved).toEqual([]);
});

test('a resumed training chooses the engine by its total number of steps, not by those that remain', async () => {
  const { result } = await fitWithCheckpoints(10, 'graph');
  const step = 19_990;
  const resumed = await fitTask({
    task: smallTask(),
    sampler,
    steps: 20_000,
    resume: { folder: 'run', state: { ...result.state, step }, losses: new Float32Array(step) },
  });
  expect(resumed.engine).toBe('xla');
});

describe('a state to resume', () => {
  test.each([
    ['a renamed slot', 'slots', 'm/hidden/kernel', 'M/hidden/kernel'],
    ['a missing slot', 'slots', 'v/out/bias', undefined],
    ['a renamed weight', 'weights', 'hidden/kernel', 'hidden/kernels'],
  ] as const)('with %s is refused before training', async (_, part, name, renamed) => {
    const { state, losses } = (await fitWithCheckpoints(10, 'eager')).result;
    const tensors = new Map(state[part]);
    if (renamed) tensors.set(renamed, tensors.get(name)!);
    expect(tensors.delete(name)).toBe(true);
    const damaged = { ...state, [part]: tensors };
    const resume = { folder: 'run', state: damaged, losses };
    const failing = fitTask({ task: smallTask(), sampler, steps: 20, engine: 'eager', resume });
    await expect(failing).rejects.toThrow(CheckpointError);
    await expect(failing).rejects.toThrow(`run/state/state.safetensors: has no values of '${part}/${name}'`);
    const guard = { checks: [], best: damaged };
    const guarded = { ...resume, state, guard };
    await expect(
      fitTask({ task: smallTask(), sampler, steps: 20, engine: 'eager', resume: guarded }),
    ).rejects.toThrow(`run/state/best.safetensors: has no values of '${part}/${name}'`);
  });
});

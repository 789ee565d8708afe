import { expect, test } from 'vitest';
import { type Reached, trainSteps } from '../../src/cli/actions/train-steps.ts';
import type { TrainingOptions } from '../../src/cli/options/training.ts';
import { shuffledSampler } from '../../src/mnist-data-loader/index.ts';
import type { EngineName, TrainingState } from '../../src/training/index.ts';
import { trainableWeights } from '../../src/training/weights.ts';
import { recordedContext } from '../helpers/context.ts';
import { smallTask } from '../helpers/small-task.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

/** Trains for `steps` with a checkpoint whenever there can be one; the first call makes 16 steps. */
async function checkpoints(
  steps: number,
  engine: EngineName,
  options: Parameters<typeof smallTask>[0] = {},
  everyMs = 0,
) {
  const task = smallTask(options);
  const saved: (Reached & { model: TrainingState['weights'] })[] = [];
  const trained = await trainSteps(
    {
      task,
      order: shuffledSampler({ rows: 60, seed: 0 }),
      steps,
      label: 'training',
      signal: new AbortController().signal,
      saveCheckpoint: async (reached) => {
        const weights = [...trainableWeights(task.model)];
        const model = new Map(
          weights.map(([name, value]) => [name, Float32Array.from(value.dataSync<'float32'>())]),
        );
        saved.push({ ...reached, model });
      },
    },
    { engine, progress: false } as TrainingOptions,
    recordedContext({ checkpointEveryMs: everyMs }),
  );
  return { saved, trained };
}

test.each(['eager', 'graph', 'xla'] as const)(
  'a checkpoint of %s is what a stop would leave: losses, state and model of its step',
  async (engine) => {
    const [first] = (await checkpoints(100, engine)).saved;
    expect(first).toMatchObject({ status: 'stopped', engine });
    const { trained } = await checkpoints(first!.state.step, engine);
    expect(first!.losses).toEqual(trained.losses);
    expect(first!.state).toEqual(trained.state);
    expect(first!.model).toEqual(first!.state.weights);
  },
);

test.each(['eager', 'graph', 'xla'] as const)('checkpoints do not change what %s trains', async (engine) => {
  const { saved, trained } = await checkpoints(100, engine);
  expect(saved.length).toBeGreaterThan(0);
  const rest = await checkpoints(100, engine, {}, Number.POSITIVE_INFINITY);
  expect(rest.saved).toEqual([]);
  expect(rest.trained.state).toEqual(trained.state);
});

test('there is none at the end, where the run itself is saved', async () => {
  expect((await checkpoints(16, 'eager')).saved).toEqual([]);
});

test('there is none of weights that are not finite', async () => {
  // The rate jumps with the last step of the first call, before there is a loss that shows what it did.
  const broken = await checkpoints(40, 'eager', {
    optimizer: {
      rule: { kind: 'sgd' },
      learningRate: 1e-2,
      schedule: { kind: 'step', every: 15, factor: 1e45 },
    },
  });
  expect(broken.trained).toMatchObject({ status: 'stopped', state: { step: 15 } });
  expect(broken.trained.failure?.message).toMatch(/the loss of step 17 is/);
  expect(broken.saved).toEqual([]);
});

test('a training that goes on takes the engine that all its steps call for, however few are left', async () => {
  const { trained } = await checkpoints(10, 'graph');
  const step = 19_990;
  const resumed = await trainSteps(
    {
      task: smallTask(),
      order: shuffledSampler({ rows: 60, seed: 0 }),
      steps: 20_000,
      label: 'training',
      signal: new AbortController().signal,
      resume: { state: { ...trained.state, step }, losses: new Float32Array(step) },
      saveCheckpoint: async () => {},
    },
    { engine: 'auto', progress: false } as TrainingOptions,
    recordedContext(),
  );
  expect(resumed.engine).toBe('xla');
});

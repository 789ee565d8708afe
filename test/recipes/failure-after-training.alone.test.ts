import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import type * as inference from '../../src/inference/index.ts';
import { finetune, pretrain } from '../../src/recipes/index.ts';
import { stripes } from '../helpers/small-task.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

/** How many evaluations of the test set succeed before one fails. */
const evaluations = vi.hoisted(() => ({ left: Number.POSITIVE_INFINITY }));
vi.mock('../../src/inference/index.ts', async (original) => {
  const actual = await original<typeof inference>();
  const fail = () => {
    if (evaluations.left-- <= 0) throw new Error('the device is lost');
  };
  return {
    ...actual,
    evaluate: (...args: Parameters<typeof actual.evaluate>) => {
      fail();
      return actual.evaluate(...args);
    },
    createEvaluator: (...args: Parameters<typeof actual.createEvaluator>) => {
      const evaluator = actual.createEvaluator(...args);
      return {
        ...evaluator,
        evaluate: (images: Parameters<typeof evaluator.evaluate>[0]) => {
          if (images.count === TEST_IMAGES) fail();
          return evaluator.evaluate(images);
        },
      };
    },
  };
});

const TEST_IMAGES = 30;
const data = { train: stripes(120), test: stripes(TEST_IMAGES), published: false, directory: 'stripes' };
const common = { data, tensorflow: { device: 'cpu' }, engine: 'eager' } as const;

test('a training whose evaluation fails is kept, and resumed with the same result', async () => {
  const folder = await temporaryFolder();
  const base = await pretrain({ ...common, steps: 10 });
  const guard = { maxDrop: 0, checkEvery: 5 };
  const options = {
    ...common,
    run: base,
    targetLabels: [0],
    steps: 20,
    optimizer: { learningRate: 0.05 },
    guard,
    validation: 0.5,
    replay: 0.5,
  };
  const whole = await finetune({ ...options, out: join(folder, 'whole') });
  expect(whole.report.guard!.training!.checks).toHaveLength(5);

  evaluations.left = 1;
  const out = join(folder, 'tuned');
  await expect(finetune({ ...options, out })).rejects.toThrow('the device is lost');
  expect((await readdir(folder)).filter((name) => name.startsWith('tuned.partial'))).toHaveLength(1);

  evaluations.left = Number.POSITIVE_INFINITY;
  const trained: unknown[] = [];
  const resumed = await finetune({ ...options, out, resume: true, onProgress: (step) => trained.push(step) });
  expect(trained).toEqual([]);
  expect(resumed.losses).toEqual(whole.losses);
  expect(resumed.report.guard).toEqual(whole.report.guard);
  expect(resumed.after).toEqual(whole.after);
  expect((await readdir(folder)).sort()).toEqual(['tuned', 'whole']);
  for (const result of [base, whole, resumed]) result.dispose();
});

import { beforeAll, expect, test } from 'vitest';
import { evaluate } from '../../src/evaluation/evaluate.ts';
import { perClass } from '../../src/evaluation/per-class.ts';
import { loadMnist, type Mnist } from '../../src/mnist-data-loader/index.ts';
import { mnistNormalization as normalization } from '../../src/models/index.ts';
import { EagerEngine } from '../../src/training/engines/eager.ts';
import { classificationTask, trainToEnd } from '../../src/training/index.ts';
import { largestDifference, type ParityFixture, parityFixture } from '../helpers/parity.ts';
import { useDevice } from '../helpers/tensorflow.ts';

let fixture: ParityFixture;
let mnist: Mnist;

useDevice();

beforeAll(async () => {
  fixture = await parityFixture();
  mnist = await loadMnist();
});

test('300 steps of pretraining have the losses that PyTorch computes, and its errors per digit', async () => {
  const { losses: expected, wrong } = fixture.expected.pretrain;
  const model = fixture.model('init');
  const task = classificationTask({
    model,
    dataset: mnist.train,
    normalization,
    batchSize: 10,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
    seed: 0,
  });
  const engine = new EagerEngine(task);
  const losses: number[] = [];
  await trainToEnd({ task, engine, order: fixture.order('order'), steps: 300 }, (progress) => {
    losses.push(...progress.losses);
  });
  expect(largestDifference(losses, expected)).toBeLessThan(2e-5);
  const errors = perClass(evaluate(model, mnist.test, { normalization })).map((score) => score.errors);
  expect(largestDifference(errors, wrong)).toBeLessThanOrEqual(2);
}, 120_000);

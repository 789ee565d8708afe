// tfjs-lora: training with one of its engines, evaluation, or a whole run.

import { createEvaluator } from '../../dist/inference/index.js';
import { loadMnist } from '../../dist/mnist-data-loader/index.js';
import { mnistNormalization } from '../../dist/models/index.js';
import { trainingSampler } from '../../dist/recipes/training-sampler.js';
import { loadTensorFlow } from '../../dist/tensorflow/index.js';
import { classificationTask, createEngine } from '../../dist/training/index.js';
import { buildModel } from './models.mjs';
import { printJson, readWork, serve } from './round-protocol.mjs';

/** Steps of an epoch with batches of 10. */
const EPOCH = 6000;

const work = readWork();
const tensorflow = await loadTensorFlow({
  device: work.device ?? 'cpu',
  threads: work.threads,
  tf32: work.tf32,
});
const mnist = await loadMnist({ directory: work.data });
const model = buildModel(work);

if (work.task === 'evaluation') {
  // `auto` chooses `graph` after a few evaluations; here it is used from the start, as JAX compiles at its first call, too.
  const evaluator = createEvaluator(model, { normalization: mnistNormalization, engine: 'graph' });
  await serve(
    () => {
      evaluator.evaluate(mnist.test);
      return 1;
    },
    work.seconds,
    () => `engine ${evaluator.engine}`,
  );
} else if (work.task === 'training') {
  const { engine, sampler, batch } = prepare();
  let stepsDone = 0;
  await serve(
    () => {
      engine.run(sampler.take(stepsDone * batch, work.stepsPerCall * batch));
      stepsDone += work.stepsPerCall;
      return work.stepsPerCall;
    },
    work.seconds,
    () => `engine ${engine.name}`,
  );
} else {
  const started = performance.now();
  const { engine, sampler, batch } = prepare();
  for (let stepsDone = 0; stepsDone < EPOCH; stepsDone += work.stepsPerCall)
    engine.run(sampler.take(stepsDone * batch, work.stepsPerCall * batch));
  engine.syncModel();
  for (const weight of model.weights) weight.read().dataSync();
  printJson({ units: EPOCH, elapsedMs: performance.now() - started, note: `engine ${engine.name}` });
}

function prepare() {
  const batch = /** @type {number} */ (work.batch);
  const task = classificationTask({
    model,
    dataset: mnist.train,
    normalization: mnistNormalization,
    batchSize: batch,
    optimizer: { rule: { kind: 'adam' }, learningRate: 1e-3 },
    seed: 0,
  });
  const name = /** @type {import('../../dist/training/index.js').EngineName | 'auto'} */ (
    work.engine ?? 'auto'
  );
  const engine = createEngine(name, task, { steps: work.steps ?? EPOCH });
  // Threads end with the process.
  const scope = { temporary: /** @template T @param {T} value */ (value) => value };
  const sampler = trainingSampler({ rows: mnist.train.count, seed: 0 }, tensorflow, scope);
  return { engine, sampler, batch };
}

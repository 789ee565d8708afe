import { contentHash } from '../../content-hash.ts';
import { defaultClassNames } from '../../data/index.ts';
import { UsageError } from '../../errors.ts';
import { evaluate } from '../../inference/index.ts';
import { type Mnist, shuffledSampler } from '../../mnist-data-loader/index.ts';
import { createDigitsNet, mnistNormalization } from '../../models/index.ts';
import { type RunContent, type RunWriter, saveCheckpoint } from '../../runs/index.ts';
import { classificationTask } from '../../training/index.ts';
import type { PretrainOptions } from '../commands/pretrain.ts';
import type { CliContext } from '../context.ts';
import { loadData, testSetName, useTensorFlow } from '../environment.ts';
import { optimizerFrom } from '../options/optimizer.ts';
import { MAX_STEPS } from '../options/training.ts';
import { untilSignal } from '../signals.ts';
import { inNewRun, manifestHeader } from './new-run.ts';
import { publishRun } from './publish-run.ts';
import { resumeFrom } from './resume.ts';
import { type Reached, type Training, trainSteps } from './train-steps.ts';
import { recordAccuracies } from './training-events.ts';

/** Trains a DigitsNet, evaluates it on the test set, and writes the run. */
export async function pretrain(
  given: PretrainOptions,
  names: ReadonlySet<string>,
  context: CliContext,
): Promise<void> {
  const { options, resume } = await resumeFrom(given, names, 'pretrain', context);
  await inNewRun(options, 'pretrain', context, (writer) =>
    untilSignal((signal) => pretrainInto(writer, { options, resume, signal }, context)),
  );
}

async function pretrainInto(
  writer: RunWriter,
  { options, resume, signal }: Pick<Training, 'resume' | 'signal'> & { options: PretrainOptions },
  context: CliContext,
): Promise<void> {
  const mnist = await loadData(options, context);
  const { train, test } = mnist;
  const { head, seed, batchSize } = options;
  const steps = stepsOf(options, mnist);
  const tensorflow = await useTensorFlow(options, context, steps * batchSize);
  const inputSize = train.height * train.width;
  const model = createDigitsNet({ head, seed, inputSize, classes: train.classes });
  const task = classificationTask({
    model,
    dataset: train,
    normalization: mnistNormalization,
    batchSize,
    optimizer: optimizerFrom(options, steps),
    seed,
  });
  const order = shuffledSampler({ rows: train.count, seed });
  const { device } = tensorflow;
  const classNames = defaultClassNames(train.classes);
  const content = ({ engine, state, losses, elapsedMs }: Reached): RunContent => ({
    manifest: {
      ...manifestHeader('pretrain', tensorflow),
      status: state.step < steps ? 'stopped' : 'complete',
      options,
      seed,
      contentHash: contentHash(model),
      classNames,
      normalization: mnistNormalization,
      training: { engine, device, batchSize, steps, stepsDone: state.step, elapsedMs },
    },
    base: model,
    state,
    losses,
  });
  const trained = await trainSteps(
    {
      ...{ task, order, steps, label: 'pretraining', signal, resume },
      saveCheckpoint: (reached) => saveCheckpoint(writer, content(reached)),
    },
    options,
    context,
  );
  const evaluation = evaluate(model, test, { normalization: mnistNormalization, classNames });
  const { engine, state, losses, failure } = trained;
  await recordAccuracies(options, context, [{ step: state.step, evaluation }]);
  const run = content(trained);
  const { createdAt, versions, contentHash: hash } = run.manifest;
  await publishRun(
    writer,
    {
      ...run,
      report: {
        createdAt,
        run: {
          command: 'pretrain',
          data: testSetName(mnist, context.cwd),
          seed,
          steps: state.step,
          batchSize,
          engine,
          device,
          contentHash: hash,
          versions,
        },
        evaluation: { ...evaluation, name: 'pretrained' },
        targetLabels: [],
        training: { losses },
      },
      images: test,
      failure,
    },
    options,
    context,
  );
}

function stepsOf({ steps, epochs, batchSize }: PretrainOptions, { train }: Mnist): number {
  if (steps !== undefined) return steps;
  const wanted = Math.floor((epochs * train.count) / batchSize);
  if (wanted < 1) {
    throw new UsageError(
      'invalid-argument',
      `--epochs ${epochs}: ${train.count} examples make no step of batch ${batchSize}; train longer`,
    );
  }
  if (wanted > MAX_STEPS) {
    throw new UsageError(
      'invalid-argument',
      `--epochs ${epochs}: makes more than ${MAX_STEPS} steps; train shorter`,
    );
  }
  return wanted;
}

import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import type { ImageDataset } from '../data/index.ts';
import { TrainingError, UsageError } from '../errors.ts';
import { evaluate } from '../inference/index.ts';
import type { Evaluation } from '../metrics/index.ts';
import type { Mnist } from '../mnist-data-loader/index.ts';
import { createDigitsNet, mnistNormalization } from '../models/index.ts';
import type { Report } from '../report/index.ts';
import {
  MAX_STEPS,
  type RunContent,
  type RunManifest,
  type RunWriter,
  saveCheckpoint,
} from '../runs/index.ts';
import type { LoadedTensorFlow } from '../tensorflow/index.ts';
import { classificationTask } from '../training/index.ts';
import { recordAccuracies } from './accuracy-events.ts';
import { loadData, testSetName } from './data.ts';
import { openFinished } from './finished.ts';
import { type FitResult, type FitState, fitTask } from './fit.ts';
import { loadRecipeTensorFlow } from './load-tensorflow.ts';
import { checkRecipeOptions, TRAINING, type TrainingRecipeOptions } from './options.ts';
import { recordedOptions } from './recorded-options.ts';
import { resumeRun, trainingDataHash } from './resume.ts';
import { keepTraining, manifestHeader, saveTrainedRun, withRunWriter } from './save.ts';
import { withScope } from './scope.ts';
import { type Given, optimizerConfig, type PretrainSettings, pretrainSettings } from './settings.ts';
import { trainingSampler } from './training-sampler.ts';

/** Options of `pretrain`. */
export interface PretrainOptions extends TrainingRecipeOptions {
  /** Passes over the training set, above 0. Default 1. Ignored if `steps` is set. */
  readonly epochs?: number;
  /** Optimizer steps. */
  readonly steps?: number;
  /** Activation of the last layer: `relu` on the logits as in the published walk-through (default), or `linear`. */
  readonly head?: PretrainSettings['head'];
}

/** The trained model, its results and where it was saved. */
export interface PretrainResult {
  /** `stopped` by the signal, or `failed`: then the model has the last weights whose loss was finite. */
  readonly status: 'complete' | 'stopped' | 'failed';
  /** Why training failed. */
  readonly failure?: TrainingError;
  /** The run's folder, if `out` was set. */
  readonly folder?: string;
  readonly manifest: RunManifest;
  /** [batch, pixels] float32 -> logits [batch, classes] float32. */
  readonly model: tf.LayersModel;
  /** The same as `model`, so that the result can be fine-tuned like a run. */
  readonly base: tf.LayersModel;
  /** The loss of each step. */
  readonly losses: Float32Array;
  /** Results on the test set. */
  readonly evaluation: Evaluation;
  /** The test images, in the order of the predictions. */
  readonly images: ImageDataset;
  readonly report: Report;
  /** Frees the model. */
  dispose(): void;
}

/**
 * Trains DigitsNet from seeded initial weights and evaluates it on the test set.
 *
 * @throws UsageError if an option is invalid, or the folder is taken
 * @throws DataError if the images cannot be loaded
 * @throws CheckpointError if the run cannot be written, or the run to resume is damaged
 * @throws TensorFlowError if the device is not available
 *
 * @example
 * const base = await pretrain({ epochs: 1, seed: 0, out: 'runs/base' });
 * console.log(overall(base.evaluation).accuracy);
 * base.dispose();
 */
export async function pretrain(given: PretrainOptions = {}): Promise<PretrainResult> {
  checkRecipeOptions(given, TRAINING);
  const givenOnly = givenSettings(given);
  const resumed = given.resume ? await resumeRun('pretrain', given, givenOnly, pretrainSettings) : undefined;
  const options = { ...given, ...resumed?.environment };
  if (resumed?.isFinished) return await finishedPretrain(options);
  return await withRunWriter(options, (writer) =>
    withScope(async (scope) => {
      // Data
      const mnist = await loadData(options);
      const { train } = mnist;
      const dataHash = trainingDataHash(train, resumed?.resume);
      const settings = resumed?.settings ?? newSettings(givenOnly, train.count);
      const { seed, batchSize, steps, head } = settings;
      const tensorflow = await loadRecipeTensorFlow(options, steps * batchSize);

      // Model
      const inputSize = train.height * train.width;
      const model = scope.result(createDigitsNet({ head, seed, inputSize, classes: train.classes }));

      // Train
      const normalization = mnistNormalization;
      const optimizer = optimizerConfig(settings);
      const job: Job = { options, settings, tensorflow, mnist, dataHash, model };
      const fitted = await fitTask({
        ...options,
        task: classificationTask({ model, dataset: train, normalization, batchSize, optimizer, seed }),
        sampler: trainingSampler({ rows: train.count, seed }, tensorflow, scope),
        steps,
        resume: resumed?.resume,
        saveCheckpoint: writer && ((state) => saveCheckpoint(writer, runContent(job, state))),
      });

      return await keepTraining(
        writer,
        () => runContent(job, fitted.resumable),
        () => finishTraining(job, fitted, writer),
      );
    }),
  );
}

/** The result of a run that is complete in `out`, as if it had just been trained. */
async function finishedPretrain(options: PretrainOptions): Promise<PretrainResult> {
  return await withScope(async (scope) => {
    const { run, report, images } = await openFinished(options, scope);
    const { folder, manifest, model } = run;
    const { evaluation } = report;
    await recordAccuracies(options, [{ step: manifest.training!.stepsDone, evaluation }]);
    const failure = testLossFailure(evaluation);
    return {
      status: failure ? 'failed' : 'complete',
      failure,
      folder,
      manifest,
      model,
      base: model,
      losses: report.training!.losses,
      evaluation,
      images,
      report,
      dispose: () => model.dispose(),
    };
  });
}

/** Evaluates the model and saves the run. */
async function finishTraining(
  job: Job,
  fitted: FitResult,
  writer: RunWriter | undefined,
): Promise<PretrainResult> {
  const { options, mnist, model } = job;
  const { train, test } = mnist;
  const evaluation = evaluate(model, test, {
    normalization: mnistNormalization,
    classNames: classNamesOf(train.classes),
  });
  const content = runContent(job, fitted);
  const { manifest } = content;
  const report = pretrainReport(job, { fitted, manifest, evaluation });
  const folder = writer && (await saveTrainedRun(writer, content, report));
  await recordAccuracies(options, [{ step: fitted.state.step, evaluation }]);
  const failure = fitted.failure ?? testLossFailure(evaluation);
  return {
    status: failure ? 'failed' : manifest.status,
    failure,
    folder,
    manifest,
    model,
    base: model,
    losses: fitted.losses,
    evaluation,
    images: test,
    report,
    dispose: () => model.dispose(),
  };
}

function givenSettings(options: PretrainOptions): Given<PretrainSettings> {
  const { steps, epochs, seed, batchSize, optimizer, head } = options;
  return { steps, epochs, seed, batchSize, optimizer, head };
}

/** The settings of a new training; without `steps`, their number follows from the epochs. */
function newSettings(given: Given<PretrainSettings>, trainImages: number): PretrainSettings {
  const { steps, epochs = 1 } = given;
  if (steps !== undefined) return pretrainSettings({ ...given, epochs: undefined });
  // Checks the batch size before it is used.
  const { batchSize } = pretrainSettings({ ...given, steps: MAX_STEPS });
  const epochSteps = Math.floor((epochs * trainImages) / batchSize);
  if (epochSteps < 1) {
    throw new UsageError(
      'invalid-argument',
      `epochs ${epochs}: less than one batch of ${batchSize} of the ${trainImages} images; train longer`,
    );
  }
  if (epochSteps > MAX_STEPS) {
    throw new UsageError(
      'invalid-argument',
      `epochs ${epochs}: more than ${MAX_STEPS} steps; train for fewer epochs`,
    );
  }
  return pretrainSettings({ ...given, epochs, steps: epochSteps });
}

/** What the manifest and the report are made from. */
interface Job {
  readonly options: PretrainOptions;
  readonly settings: PretrainSettings;
  readonly tensorflow: LoadedTensorFlow;
  readonly mnist: Mnist;
  /** Of the training set. */
  readonly dataHash: string;
  readonly model: tf.LayersModel;
}

function runContent(
  { options, settings, tensorflow, mnist, dataHash, model }: Job,
  { engine, state, losses, elapsedMs }: FitState,
): RunContent {
  const { seed, batchSize, steps } = settings;
  return {
    manifest: {
      ...manifestHeader('pretrain', tensorflow),
      status: state.step < steps ? 'stopped' : 'complete',
      options: recordedOptions(settings, options),
      seed,
      contentHash: contentHash(model),
      classNames: classNamesOf(mnist.train.classes),
      normalization: mnistNormalization,
      adjust: options.adjust && [...options.adjust],
      training: {
        engine,
        device: tensorflow.device,
        batchSize,
        steps,
        stepsDone: state.step,
        elapsedMs,
        dataHash,
      },
    },
    base: model,
    state,
    losses,
  };
}

function pretrainReport(
  { options, settings, tensorflow, mnist }: Job,
  {
    fitted,
    manifest,
    evaluation,
  }: { readonly fitted: FitState; readonly manifest: RunManifest; readonly evaluation: Evaluation },
): Report {
  return {
    createdAt: manifest.createdAt,
    run: {
      command: 'pretrain',
      data: testSetName(mnist, options.cwd),
      seed: settings.seed,
      steps: fitted.state.step,
      batchSize: settings.batchSize,
      engine: fitted.engine,
      device: tensorflow.device,
      contentHash: manifest.contentHash,
      versions: manifest.versions,
    },
    evaluation: { ...evaluation, name: 'pretrained' },
    targetLabels: [],
    training: { losses: fitted.losses },
  };
}

function classNamesOf(classes: number): string[] {
  return Array.from({ length: classes }, (_, label) => String(label));
}

/** An error if the loss on the test set is not finite: the last update may break a model whose losses were finite. */
export function testLossFailure({ loss }: Evaluation): TrainingError | undefined {
  if (Number.isFinite(loss)) return undefined;
  return new TrainingError(
    'diverged',
    `the loss on the test set is ${loss}; lower the learning rate, or clip the gradients`,
  );
}

import { resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { contentHash } from '../../content-hash.ts';
import { CheckpointError, UsageError } from '../../errors.ts';
import { checkGates, validateGates } from '../../gates/index.ts';
import { createEvaluator } from '../../inference/index.ts';
import { disableAdapters, enableAdapters, loraSummary, unmergeLora } from '../../lora/index.ts';
import { parseLabels, selectRows } from '../../mnist-data-loader/index.ts';
import {
  openRun,
  type Run,
  type RunContent,
  type RunWriter,
  readManifest,
  saveCheckpoint,
} from '../../runs/index.ts';
import { classificationTask } from '../../training/index.ts';
import type { FinetuneOptions } from '../commands/finetune.ts';
import { renderSummary } from '../commands/inject-lora/run.ts';
import type { CliContext } from '../context.ts';
import { loadData, testSetName, useTensorFlow } from '../environment.ts';
import { gatesFrom } from '../options/gates.ts';
import { optimizerFrom } from '../options/optimizer.ts';
import { untilSignal } from '../signals.ts';
import { adaptedModel } from './adapted-model.ts';
import { guardReport, requireGuard, splitFor, validationCurve, validationOn } from './guard.ts';
import { inNewRun, manifestHeader } from './new-run.ts';
import { publishRun } from './publish-run.ts';
import { rankUse } from './rank-use.ts';
import { resumeFrom } from './resume.ts';
import { startLoss } from './start-loss.ts';
import { type Reached, type Training, trainSteps } from './train-steps.ts';
import { recordAccuracies } from './training-events.ts';
import { trainingOrder } from './training-order.ts';

interface Job extends Pick<Training, 'resume' | 'signal'> {
  readonly path: string;
  readonly options: FinetuneOptions;
  /** Names of the options that were given, not left at their default. */
  readonly given: ReadonlySet<string>;
}

/** Trains an adapter, evaluates the model with it off and on, and writes the run. */
export async function finetune(
  path: string,
  asked: FinetuneOptions,
  given: ReadonlySet<string>,
  context: CliContext,
): Promise<void> {
  const { options, resume } = await resumeFrom(asked, given, 'finetune', context);
  await inNewRun(options, 'finetune', context, (writer) =>
    untilSignal((signal) => finetuneInto(writer, { path, options, given, resume, signal }, context)),
  );
}

async function finetuneInto(writer: RunWriter, job: Job, context: CliContext): Promise<void> {
  const { path, options, resume, signal } = job;
  const tensorflow = await useTensorFlow(options, context, options.steps * options.batchSize);
  const run = await openRun(resume ? options.out! : path, context.cwd);
  const { normalization, classNames, contentHash: baseHash } = run.manifest;
  if (resume) await requireSameBase(path, run, context);
  const gates = await gatesFrom(options, context);
  validateGates(gates, { classNames, compared: true });
  requireGuard(job.given, options);
  const targetLabels = options.digits === undefined ? [] : parseLabels(options.digits, classNames.length);
  const mnist = await loadData(options, context);
  const { train, test } = mnist;
  const { seed, batchSize, steps } = options;
  const rows = splitFor(train, options);
  const order = trainingOrder(train, rows.train, targetLabels, options);
  const lesson = {
    ...{ dataset: train, normalization, batchSize, seed },
    optimizer: optimizerFrom(options, steps),
  };
  const model = adaptedModel(run, { ...job, resumed: resume !== undefined }, startLoss(order, lesson));
  context.note(renderSummary(loraSummary(model)));
  const task = classificationTask({ ...lesson, model });
  disableAdapters(model);
  const evaluator = createEvaluator(model, { normalization, classNames });
  const before = evaluator.evaluate(test);
  enableAdapters(model);
  const validation =
    rows.validation &&
    validationOn(selectRows(train, rows.validation), model, evaluator, targetLabels, options);
  const guard = options.maxDrop === undefined ? undefined : validation?.guard;
  const { device } = tensorflow;
  const { rank, alpha, method } = run.manifest.adapter ?? options;
  const content = (base: tf.LayersModel, reached: Reached, strength: number): RunContent => ({
    manifest: {
      ...manifestHeader('finetune', tensorflow),
      status: reached.status === 'stopped' ? 'stopped' : 'complete',
      options: { ...options },
      seed,
      contentHash: baseHash,
      classNames: [...classNames],
      normalization,
      derivedFrom: { folder: resolve(context.cwd, path), contentHash: baseHash },
      adapter: { method, rank, alpha, strength },
      training: {
        ...{ engine: reached.engine, device, batchSize, steps },
        ...{ stepsDone: reached.state.step, elapsedMs: reached.elapsedMs },
        ...(targetLabels.length > 0 && { targetLabels: [...targetLabels] }),
      },
    },
    base,
    adapted: model,
    state: reached.state,
    guard: reached.status === 'stopped' ? reached.history : undefined,
    losses: reached.losses,
  });
  const trained = await trainSteps(
    {
      ...{ task, order, steps, signal, resume, label: 'fine-tuning' },
      saveCheckpoint: (reached) => saveCheckpoint(writer, content(run.base, reached, 1)),
      guard: guard && { ...guard, ...('update' in order && { replay: order }) },
    },
    options,
    context,
  );
  const search = options.searchStrength ? validation?.searchStrength() : undefined;
  const strength = search?.strength ?? 1;
  const after = evaluator.evaluate(test);
  evaluator.dispose();
  const base = unmergeLora(model);
  requireUnmoved(base, baseHash);
  const { engine, state, losses, failure } = trained;
  await recordAccuracies(options, context, [
    { step: 0, evaluation: before },
    { step: state.step, evaluation: after },
  ]);
  const tunedRun = content(base, trained, strength);
  const { createdAt, versions } = tunedRun.manifest;
  await publishRun(
    writer,
    {
      ...tunedRun,
      report: {
        createdAt,
        run: {
          command: 'finetune',
          data: testSetName(mnist, context.cwd),
          ...{ seed, rank, alpha, method, strength, batchSize, engine, device },
          versions,
          steps: state.step,
          replay: options.replay,
          contentHash: baseHash,
        },
        evaluation: { ...after, name: 'adapter on' },
        baseline: { ...before, name: 'adapter off' },
        targetLabels,
        training: { losses, validation: validationCurve(validation, trained.guarded) },
        guard: guardReport(validation, trained.guarded, search),
        layers: rankUse(model),
        gates: checkGates({ evaluation: after, baseline: before, targetLabels }, gates),
      },
      images: test,
      failure,
    },
    options,
    context,
  );
}

/** A resumed run goes on from its own folder; the run that is named has to be the one it was made from. */
async function requireSameBase(path: string, { manifest }: Run, { cwd }: CliContext): Promise<void> {
  const { contentHash } = await readManifest(resolve(cwd, path));
  if (contentHash === manifest.contentHash) return;
  throw new UsageError(
    'invalid-argument',
    `--resume: the run was made from a base of content ${manifest.contentHash.slice(0, 12)}, ` +
      `that of ${path} is ${contentHash.slice(0, 12)}; name the same one`,
  );
}

/** Training an adapter must not touch the base; if it did, this program is wrong. */
function requireUnmoved(base: tf.LayersModel, expected: string): void {
  const hash = contentHash(base);
  if (hash !== expected)
    throw new CheckpointError(
      'invalid-checkpoint',
      `the base model moved: ${expected} before, ${hash} after`,
    );
}

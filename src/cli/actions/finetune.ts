import { resolve } from 'node:path';
import type * as tf from '@tensorflow/tfjs';
import { CheckpointError, DataError, UsageError } from '../../errors.ts';
import { createEvaluator } from '../../evaluation/evaluate.ts';
import { checkGates, validateGates } from '../../gates/check.ts';
import {
  disableAdapters,
  enableAdapters,
  injectLora,
  loraSummary,
  type StartOptions,
  setAdapterStrength,
  unmergeLora,
} from '../../lora/index.ts';
import {
  type ImageDataset,
  parseLabels,
  type RowOrder,
  replayOrder,
  rowOrder,
  selectRows,
} from '../../mnist-data-loader/index.ts';
import { contentHash } from '../../models/index.ts';
import { openRun, RUN_FORMAT_VERSION, type Run, type RunWriter, readManifest } from '../../runs/index.ts';
import { classificationTask, type SteeredReplay, steeredReplay } from '../../training/index.ts';
import type { FinetuneOptions } from '../commands/finetune.ts';
import type { CliContext } from '../context.ts';
import { loraConfigFrom } from '../options/adapter.ts';
import { gatesFrom } from '../options/gates.ts';
import { flagOf } from '../options/given.ts';
import { optimizerFrom } from '../options/optimizer.ts';
import { untilSignal } from '../signals.ts';
import { accuracyCurve, guardReport, splitFor, validationOn } from './guard.ts';
import { renderSummary } from './inject-lora.ts';
import { publishRun } from './publish-run.ts';
import { rankUse } from './rank-use.ts';
import { resumeFrom, writerFor } from './resume.ts';
import { loadData, testSetName, useTensorFlow, versionsOf } from './session.ts';
import { startLoss } from './start-loss.ts';
import { type Training, trainSteps } from './train-steps.ts';
import { recordAccuracies } from './training-events.ts';

/** Options that an adapted run has settled already; of the first three it is on record how. */
const RECORDED = ['rank', 'alpha', 'method'] as const;
const SETTLED = [
  ...['targets', 'exclude', 'bias', 'init', 'rslora', 'dora', 'dropout'],
  ...['rankPattern', 'alphaPattern', 'modulesToSave'],
];

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
  const writer = await writerFor(options, 'finetune', context);
  try {
    await untilSignal((signal) => finetuneInto(writer, { path, options, given, resume, signal }, context));
  } finally {
    await writer.discard();
  }
}

async function finetuneInto(writer: RunWriter, job: Job, context: CliContext): Promise<void> {
  const { path, options, resume, signal } = job;
  const tensorflow = await useTensorFlow(options, context, options.steps * options.batchSize);
  const run = await openRun(resume ? options.out! : path, context.cwd);
  const { normalization, classNames, contentHash: baseHash } = run.manifest;
  if (resume) await requireSameBase(path, run, context);
  const gates = await gatesFrom(options, context);
  validateGates(gates, { classNames, compared: true });
  requireGuard(job);
  const tuned = options.digits === undefined ? [] : parseLabels(options.digits, classNames.length);
  const mnist = await loadData(options, context);
  const { train, test } = mnist;
  const { seed, batchSize, steps } = options;
  const { kept, heldOut } = splitFor(train, options);
  const order = orderOf(train, kept, tuned, options);
  const lesson = {
    ...{ dataset: train, normalization, batchSize, seed },
    optimizer: optimizerFrom(options, steps),
  };
  const model = adaptedModel(run, job, startLoss(order, lesson));
  context.note(renderSummary(loraSummary(model)));
  const task = classificationTask({ ...lesson, model });
  disableAdapters(model);
  const evaluator = createEvaluator(model, { normalization, classNames });
  const before = evaluator.evaluate(test);
  enableAdapters(model);
  const validation = heldOut && validationOn(selectRows(train, heldOut), model, evaluator, tuned, options);
  const guard = options.maxDrop === undefined ? undefined : validation?.guard;
  const trained = await trainSteps(
    {
      ...{ task, order, steps, signal, resume, label: 'fine-tuning' },
      guard: guard && { ...guard, ...('steer' in order && { replay: order }) },
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
  const { engine, state, losses, elapsedMs, failure } = trained;
  await recordAccuracies(options, context, [
    { step: 0, evaluation: before },
    { step: state.step, evaluation: after },
  ]);
  const createdAt = new Date().toISOString();
  const versions = versionsOf(tensorflow);
  const { device } = tensorflow;
  const { rank, alpha, method } = run.manifest.adapter ?? options;
  await publishRun(
    writer,
    {
      manifest: {
        format: 'tfjs-lora run',
        formatVersion: RUN_FORMAT_VERSION,
        command: 'finetune',
        status: trained.status === 'stopped' ? 'stopped' : 'complete',
        createdAt,
        options: { ...options },
        seed,
        versions,
        contentHash: baseHash,
        classNames: [...classNames],
        normalization,
        derivedFrom: { folder: resolve(context.cwd, path), contentHash: baseHash },
        adapter: { method, rank, alpha, strength },
        training: {
          ...{ engine, device, batchSize, steps, stepsDone: state.step, elapsedMs },
          ...(tuned.length > 0 && { labels: [...tuned] }),
        },
      },
      base,
      adapted: model,
      state,
      guard: trained.status === 'stopped' ? trained.guarded?.history : undefined,
      losses,
      report: {
        createdAt,
        subject: {
          command: 'finetune',
          data: testSetName(mnist, context.cwd),
          ...{ seed, rank, alpha, method, strength, batchSize, engine, device, versions },
          steps: state.step,
          replay: options.replay,
          contentHash: baseHash,
        },
        evaluation: { name: 'adapter on', evaluation: after },
        baseline: { name: 'adapter off', evaluation: before },
        tuned,
        training: { losses, accuracies: accuracyCurve(validation, trained.guarded) },
        guard: guardReport(validation, trained.guarded, search),
        layers: rankUse(model),
        gates: checkGates({ evaluation: after, baseline: before, tuned }, gates),
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
    `--resume: the run was made from a base of content ${manifest.contentHash.slice(0, 12)}, ` +
      `that of ${path} is ${contentHash.slice(0, 12)}; name the same one`,
  );
}

/** Options of the guard mean nothing without it. */
function requireGuard({ options, given }: Job): void {
  const { maxDrop, searchStrength, digits } = options;
  const lone = ['checkEvery', 'patience'].find((name) => given.has(name) && maxDrop === undefined);
  if (lone) throw new UsageError(`${flagOf(lone)}: there is no guard; add --max-drop`);
  if (given.has('validation') && maxDrop === undefined && !searchStrength) {
    throw new UsageError(
      '--validation: nothing watches the held-out images; add --max-drop or --search-strength',
    );
  }
  if (searchStrength && digits === undefined) {
    throw new UsageError(
      '--search-strength: there are no other digits to spare; name those to tune with --digits',
    );
  }
}

/** The run's adapted model, or its base with a new adapter. */
function adaptedModel(
  run: Run,
  { path, options, given, resume }: Job,
  loss: StartOptions['loss'],
): tf.LayersModel {
  const { adapter } = run.manifest;
  if (!adapter) return injectLora(run.base, loraConfigFrom(options), { loss });
  setAdapterStrength(run.model, 1);
  // What was given then says no more than the run itself does.
  if (resume) return run.model;
  const settled = `the adapter of ${path} is made already; leave the option out, or start from a base`;
  const changed = RECORDED.find((name) => given.has(name) && options[name] !== adapter[name]);
  if (changed) {
    throw new UsageError(
      `--${changed} ${options[changed]}: it has ${changed} ${adapter[changed]}, and ${settled}`,
    );
  }
  const other = SETTLED.find((name) => given.has(name));
  if (other) throw new UsageError(`${flagOf(other)}: ${settled}`);
  return run.model;
}

/**
 * Rows of the tuned digits, with a share of the others; a guard steers which of those.
 *
 * @param allowed the rows that may be trained on
 */
function orderOf(
  train: ImageDataset,
  allowed: Int32Array,
  tuned: readonly number[],
  options: FinetuneOptions,
): RowOrder | SteeredReplay {
  const { seed, replay: share, batchSize, maxDrop } = options;
  const isTuned = (row: number) => tuned.length === 0 || tuned.includes(train.labels[row]!);
  const rows = allowed.filter(isTuned);
  if (rows.length === 0) throw new DataError(`the training set has no example of ${tuned.join(', ')}`);
  if (share === 0) return rowOrder({ rows, seed });
  const others = allowed.filter((row) => !isTuned(row));
  if (others.length === 0) {
    throw new UsageError(`--replay ${share}: there are no other digits; name those to tune with --digits`);
  }
  if (maxDrop === undefined) return replayOrder({ rows, replayRows: others, share, batchSize, seed });
  const labels = [...new Set(others.map((row) => train.labels[row]!))].sort();
  const replayRows = new Map(
    labels.map((label) => [label, others.filter((row) => train.labels[row] === label)]),
  );
  return steeredReplay({ rows, replayRows, share, batchSize, seed, maxDrop: maxDrop / 100 });
}

/** Training an adapter must not touch the base; if it did, this program is wrong. */
function requireUnmoved(base: tf.LayersModel, expected: string): void {
  const hash = contentHash(base);
  if (hash !== expected) throw new CheckpointError(`the base model moved: ${expected} before, ${hash} after`);
}

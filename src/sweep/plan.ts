import { resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import { resolveLoraConfig } from '../lora/index.ts';
import { findMnist, loadMnist, type Mnist } from '../mnist-data-loader/index.ts';
import { finetuneSettings, toJson } from '../recipes/index.ts';
import { type RunManifest, readManifest } from '../runs/index.ts';
import { type LoadedTensorFlow, loadTensorFlow } from '../tensorflow/index.ts';
import { dataOf, holdOut, type TrialSetup, type TrialSpec } from '../trials/index.ts';
import { version } from '../version.ts';
import { type CommonSettings, type Configuration, settingsOf } from './grid.ts';

/** What all trials of a sweep have in common, looked up once. */
export interface SweepPlan {
  readonly setup: TrialSetup;
  readonly base: RunManifest;
  /** With the held-out images in place of the test set. */
  readonly data: Mnist;
  readonly dataHashes: TrialSpec['data'];
  readonly tensorflow: LoadedTensorFlow;
}

/** Where a sweep reads and writes. */
export interface PlanOptions {
  readonly run: string;
  readonly out: string;
  readonly data?: string;
  /** Default: the best of this machine; `cpu` if trials are trained on other machines, where `auto` is not possible. */
  readonly device?: 'auto' | TrialSetup['device'];
  /** Whether trials are trained on other machines, so that this one does not need the device. */
  readonly isQueued?: boolean;
  /** Fraction of the training set to hold out. */
  readonly heldOut: number;
  readonly cwd?: string;
}

/**
 * Reads the base and the images, and finds the device.
 *
 * @throws CheckpointError if the run cannot be read
 * @throws UsageError if it has an adapter
 * @throws DataError if the images cannot be loaded
 * @throws TensorFlowError if the device is not available
 */
export async function planSweep({
  run,
  out,
  data: directory,
  device: requested,
  isQueued,
  heldOut,
  cwd = process.cwd(),
}: PlanOptions): Promise<SweepPlan> {
  const folder = resolve(cwd, run);
  const base = await readManifest(folder);
  if (base.adapter)
    throw new UsageError('adapter-exists', `${run}: has an adapter; sweep over a run without one`);
  const files = await findMnist(directory, cwd);
  const data = holdOut(await loadMnist({ directory: files.directory }), heldOut);
  const queuedDevice = isQueued ? deviceOfWorkers(requested) : undefined;
  const tensorflow = await loadTensorFlow({ device: isQueued ? 'auto' : requested, threads: 1 });
  const device = queuedDevice ?? tensorflow.device;
  return {
    setup: { out: resolve(cwd, out), run: folder, data: resolve(cwd, files.directory), heldOut, device },
    base,
    data,
    dataHashes: dataOf(data),
    tensorflow,
  };
}

/**
 * The device of a sweep whose trials are trained on other machines.
 *
 * @throws UsageError for `auto`, which would differ between machines
 */
function deviceOfWorkers(requested: PlanOptions['device'] = 'cpu'): TrialSetup['device'] {
  if (requested !== 'auto') return requested;
  throw new UsageError(
    'invalid-argument',
    "device auto: workers train on a given device; choose 'cpu' or 'cuda'",
  );
}

/**
 * The specification of a trial.
 *
 * @throws UsageError if a setting is out of range
 */
export function specOf(
  { base, setup, dataHashes }: SweepPlan,
  configuration: Configuration,
  seed: number,
  common: CommonSettings,
): TrialSpec {
  const settings = finetuneSettings(settingsOf(configuration, seed, common));
  resolveLoraConfig(settings.lora);
  return {
    base: base.contentHash,
    data: dataHashes,
    device: setup.device,
    settings: toJson(settings),
    version,
  };
}

import { relative } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { findMnist, loadMnist, type Mnist } from '../mnist-data-loader/index.ts';
import { type LoadedTensorFlow, loadTensorFlow } from '../tensorflow/index.ts';
import { version } from '../version.ts';
import type { CliContext } from './context.ts';
import type { Device } from './options/shared.ts';

interface DeviceOptions {
  readonly device: Device;
  readonly tf32?: boolean;
  readonly deterministic?: boolean;
}

/**
 * Makes the TensorFlow of `--device` ready; what a user should know about it goes to stderr.
 *
 * @param examples how many will be trained on; only long training earns back the start of a GPU
 */
export async function useTensorFlow(
  { device, tf32, deterministic }: DeviceOptions,
  context: CliContext,
  examples = 0,
): Promise<LoadedTensorFlow> {
  return await loadTensorFlow({
    device,
    tf32,
    deterministic,
    examples,
    explainAborts: true,
    onNotice: context.note,
  });
}

/** The versions that made a run. */
export function versionsOf({ version: native }: LoadedTensorFlow): Record<string, string> {
  return {
    'tfjs-lora': version,
    node: process.versions.node,
    tfjs: tf.version.tfjs,
    ...(native && { tensorflow: native }),
  };
}

/** Loads the IDX files of `--data`, saying so when they are not the published MNIST. */
export async function loadData({ data }: { data?: string }, context: CliContext): Promise<Mnist> {
  const { directory } = await findMnist(data, context.cwd);
  const mnist = await loadMnist({ directory });
  noteUnpublished(mnist, context);
  return mnist;
}

/** Says so where files are not the published MNIST. */
export function noteUnpublished(
  { published, directory }: Pick<Mnist, 'published' | 'directory'>,
  { note, cwd }: CliContext,
): void {
  if (!published) note(`note: ${displayPath(directory, cwd)}: not the published MNIST`);
}

/** What a report calls the test set. */
export function testSetName(
  { published, directory }: Pick<Mnist, 'published' | 'directory'>,
  cwd: string,
): string {
  return published ? 'MNIST test set' : `test set of ${displayPath(directory, cwd)}`;
}

/** A path as a user at `cwd` would type it. */
export function displayPath(path: string, cwd: string): string {
  const short = relative(cwd, path);
  return short === '' ? '.' : short.startsWith('..') ? path : short;
}

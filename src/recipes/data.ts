import { relative, resolve } from 'node:path';
import { adjustImages, type ImageDataset } from '../data/index.ts';
import { findMnist, loadMnist, loadSplit, type Mnist } from '../mnist-data-loader/index.ts';
import type { RunManifest } from '../runs/index.ts';
import type { RecipeOptions } from './options.ts';

type DataOptions = Pick<RecipeOptions, 'data' | 'adjust' | 'cwd' | 'onNotice'>;

/**
 * The images a recipe works on: those it was given, or loaded from IDX files.
 *
 * @throws DataError if files are missing, damaged or do not belong together
 */
export async function loadData(options: DataOptions): Promise<Mnist> {
  const { data, cwd, adjust = [] } = options;
  if (typeof data === 'object') {
    return { ...data, train: adjustImages(data.train, adjust), test: adjustImages(data.test, adjust) };
  }
  const mnist = await loadMnist({ directory: data, cwd, adjust });
  noteOtherData(mnist, options);
  return mnist;
}

/**
 * The test images a recipe works on; the training images are not loaded.
 *
 * @throws DataError if files are missing, damaged or do not belong together
 */
export async function loadTestSet(options: DataOptions): Promise<{
  readonly images: ImageDataset;
  readonly source: Pick<Mnist, 'published' | 'directory' | 'testName'>;
}> {
  const { data, cwd, adjust = [] } = options;
  if (typeof data === 'object') return { images: adjustImages(data.test, adjust), source: data };
  const files = await findMnist(data, cwd);
  const { dataset, published } = await loadSplit(files, 'test', { adjust });
  const source = { published, directory: files.directory, isSplit: files.isSplit };
  noteOtherData(source, options);
  return { images: dataset, source };
}

/**
 * The options for the images of a run: `adjust` as given, else as the run records it, with a notice.
 *
 * @param manifest of the run
 */
export function dataOptionsFor<T extends DataOptions>(
  options: T,
  { adjust }: Pick<RunManifest, 'adjust'>,
): T {
  if (options.adjust || !adjust?.length) return options;
  options.onNotice?.(`note: images are adjusted as recorded in the run: ${adjust.join(', ')}`);
  return { ...options, adjust };
}

/** Sends a notice if the files are not those of the published MNIST. */
function noteOtherData(
  { published, directory, isSplit }: Pick<Mnist, 'published' | 'directory' | 'isSplit'>,
  { cwd, onNotice }: DataOptions,
): void {
  const name = displayPath(directory, cwd);
  if (!published) onNotice?.(`note: ${name}: not the published MNIST`);
  if (isSplit) onNotice?.(`note: ${name}: has no test set, so a fifth of each label is held out as one`);
}

/** The name of the test set in a report. */
export function testSetName(
  { published, directory, testName }: Pick<Mnist, 'published' | 'directory' | 'testName'>,
  cwd?: string,
): string {
  if (testName !== undefined) return testName;
  return published ? 'MNIST test set' : `test set of ${displayPath(directory, cwd)}`;
}

/** A path relative to `cwd` if it lies below it, else absolute. */
export function displayPath(path: string, cwd = process.cwd()): string {
  const absolute = resolve(cwd, path);
  const short = relative(cwd, absolute);
  if (short === '') return '.';
  return short.startsWith('..') ? absolute : short;
}

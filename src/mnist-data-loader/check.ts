import { datasetWarnings, overlapWarnings } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { findMnist } from './find.ts';
import { type LoadOptions, loadSplit, type Split } from './load.ts';
import type { SplitName } from './mnist-files.ts';

/** The result of `checkMnist`. */
export interface MnistCheck {
  readonly directory: string;
  /** The training set, if it exists and can be used. */
  readonly train?: Split;
  /** The test set, if it exists and can be used. */
  readonly test?: Split;
  /** Why a set cannot be used, one line each. */
  readonly errors: readonly string[];
  /** What looks wrong in sets that can be used, one line each. */
  readonly warnings: readonly string[];
}

/**
 * Validates a folder of IDX files and collects all problems instead of throwing for the first. It compares the images
 * of both sets, which takes a few tenths of a second for MNIST.
 *
 * @param cwd what a relative `directory` starts from
 * @throws DataError if the folder has no IDX files
 *
 * @example
 * const { errors, warnings } = await checkMnist('data');
 */
export async function checkMnist(
  directory: string,
  cwd = process.cwd(),
  { adjust }: Pick<LoadOptions, 'adjust'> = {},
): Promise<MnistCheck> {
  const files = await findMnist(directory, cwd);
  const errors: string[] = [];
  const load = async (name: SplitName): Promise<Split | undefined> => {
    if (!files[name]) return undefined;
    try {
      return await loadSplit(files, name, { adjust });
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      errors.push(error.message);
      return undefined;
    }
  };
  const [train, test] = [await load('train'), await load('test')];
  const warnings = [
    ...(train ? datasetWarnings(train.dataset, 'train') : []),
    ...(test ? datasetWarnings(test.dataset, 'test') : []),
  ];
  if (!files.train) warnings.push('train: not found; only evaluation is possible');
  if (!files.test) warnings.push('test: not found; evaluation is not possible');
  if (train && test) {
    const [trainSize, testSize] = [train, test].map(({ dataset }) => `${dataset.height}x${dataset.width}`);
    if (trainSize === testSize) warnings.push(...overlapWarnings(train.dataset, test.dataset));
    else {
      errors.push(
        `${files.directory}: training images are ${trainSize}, test images ${testSize}; use sets of one size`,
      );
    }
  }
  return { directory: files.directory, train, test, errors, warnings };
}

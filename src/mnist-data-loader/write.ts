import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageDataset } from '../data/index.ts';
import { DataError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors } from '../files/index.ts';
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
 * @throws DataError if a file cannot be written; files are never written in part
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
  const existing = await withFileErrors(DataError, directory, 'written', async () => {
    await ensureDir(directory);
    return await readdir(directory);
  });
  const newNames = new Set([...files.keys()].map(withoutGz));
  const replaced = existing.filter((name) => newNames.has(withoutGz(name)));
  if (replaced[0] && !overwrite)
    throw new UsageError('already-exists', `${join(directory, replaced[0])}: the file already exists`);
  for (const [name, array] of files) await writeIdx(join(directory, name), array);
  const otherForm = replaced.filter((name) => !files.has(name)); // raw instead of compressed, or the reverse
  await Promise.all(otherForm.map((name) => rm(join(directory, name))));
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

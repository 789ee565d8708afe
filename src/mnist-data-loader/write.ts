import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageDataset } from '../data/index.ts';
import { DataError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors } from '../files/index.ts';
import { writeIdx } from './idx-files.ts';

/** How files are written. */
export interface WriteOptions {
  /** Compress with gzip and add `.gz` to the names. */
  readonly gzip?: boolean;
  /** Replace IDX files that are there, and remove their raw or compressed twins. */
  readonly overwrite?: boolean;
}

/**
 * Writes sets under the names of the MNIST files, each file whole or not at all; makes the folder.
 *
 * @returns the paths written
 * @throws UsageError when one of the files is there already, raw or compressed
 * @throws DataError when the folder cannot be written to
 */
export async function writeMnist(
  directory: string,
  sets: { readonly train?: ImageDataset; readonly test?: ImageDataset },
  { gzip = false, overwrite = false }: WriteOptions = {},
): Promise<string[]> {
  const suffix = gzip ? '.gz' : '';
  const files = [...filesOf('train', sets.train, suffix), ...filesOf('t10k', sets.test, suffix)];
  const present = await withFileErrors(DataError, directory, 'written', async () => {
    await ensureDir(directory);
    return await readdir(directory);
  });
  const stems = new Set(files.map(({ name }) => stem(name)));
  const taken = present.filter((name) => stems.has(stem(name)));
  if (taken[0] && !overwrite) {
    throw new UsageError(
      'invalid-argument',
      `${join(directory, taken[0])}: is there already; add --overwrite or name another folder`,
    );
  }
  for (const { name, array } of files) await writeIdx(join(directory, name), array);
  const stale = taken.filter((name) => !files.some((file) => file.name === name));
  await Promise.all(stale.map((name) => rm(join(directory, name))));
  return files.map(({ name }) => join(directory, name));
}

function filesOf(prefix: string, set: ImageDataset | undefined, suffix: string) {
  if (!set) return [];
  return [
    {
      name: `${prefix}-images-idx3-ubyte${suffix}`,
      array: { shape: [set.count, set.height, set.width], values: set.images },
    },
    { name: `${prefix}-labels-idx1-ubyte${suffix}`, array: { shape: [set.count], values: set.labels } },
  ];
}

function stem(name: string): string {
  return name.replace(/\.gz$/, '');
}

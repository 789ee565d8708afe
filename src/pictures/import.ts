import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../errors.ts';
import { withFileErrors } from '../files/index.ts';
import type { ImageDataset } from '../mnist-data-loader/index.ts';
import { parsePng, readBytes } from './png.ts';
import { type ImageSize, prepareDigit } from './prepare.ts';

const MAX_LABEL = 255;

/**
 * Makes a set of the PNG pictures in the folders `0`, `1`, ... of a folder, each prepared as MNIST's images are.
 * Labels ascend; within a label, pictures are in the order of their names.
 *
 * @throws DataError when there are no such folders, a picture cannot be read or is empty, or another file is there
 */
export async function importPictures(directory: string, size: ImageSize): Promise<ImageDataset> {
  const files = await listPictures(directory);
  const pixels = size.height * size.width;
  const images = new Uint8Array(files.length * pixels);
  for (const [row, { path }] of files.entries()) {
    images.set(prepareDigit(parsePng(await readBytes(path), path), size, path), row * pixels);
  }
  const labels = Uint8Array.from(files, ({ label }) => label);
  return { images, labels, count: files.length, ...size, classes: labels.at(-1)! + 1 };
}

async function listPictures(directory: string): Promise<{ path: string; label: number }[]> {
  const labels = (await list(directory)).filter(
    (name) => /^\d{1,3}$/.test(name) && Number(name) <= MAX_LABEL,
  );
  const files: { path: string; label: number }[] = [];
  for (const name of labels.toSorted((one, other) => Number(one) - Number(other))) {
    for (const file of (await list(join(directory, name))).toSorted()) {
      const path = join(directory, name, file);
      if (file.startsWith('.')) continue;
      if (!file.toLowerCase().endsWith('.png'))
        throw new DataError('invalid-data', `${path}: is no PNG picture; convert or remove it`);
      files.push({ path, label: Number(name) });
    }
  }
  if (files.length === 0) {
    throw new DataError(
      'invalid-data',
      `${directory}: has no pictures; put PNG files in folders named by label, such as 7/one.png`,
    );
  }
  return files;
}

async function list(directory: string): Promise<string[]> {
  return await withFileErrors(DataError, directory, 'read', () => readdir(directory));
}

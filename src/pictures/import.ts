import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { type ImageDataset, MAX_CLASSES } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { withFileErrors } from '../files/index.ts';
import type { ImageSize } from './png.ts';
import { imageFromPng, readBytes } from './read-images.ts';

/**
 * Makes a data set of the PNG pictures in the subfolders `0`, `1`, ... of a folder. A subfolder's name is the label of
 * its pictures. Drawings are normalized like MNIST's images; images that `writeMistakes` wrote come back bit for bit.
 *
 * @returns images in the order of their labels, then of their file names; `classes` is the largest label + 1
 * @throws DataError if there are no such subfolders, one holds other files, or a picture is damaged or empty
 */
export async function importPictures(folder: string, size: ImageSize): Promise<ImageDataset> {
  const files = await listPictures(folder);
  const pixels = size.height * size.width;
  const images = new Uint8Array(files.length * pixels);
  for (const [row, { path }] of files.entries()) {
    images.set(imageFromPng(await readBytes(path), size, path), row * pixels);
  }
  const labels = Uint8Array.from(files, ({ label }) => label);
  return { images, labels, count: files.length, ...size, classes: labels.at(-1)! + 1 };
}

async function listPictures(folder: string): Promise<{ path: string; label: number }[]> {
  const labels = (await list(folder)).filter((name) => /^\d{1,3}$/.test(name) && Number(name) < MAX_CLASSES);
  const files: { path: string; label: number }[] = [];
  for (const name of labels.toSorted((a, b) => Number(a) - Number(b))) {
    for (const file of (await list(join(folder, name))).toSorted()) {
      if (file.startsWith('.')) continue;
      const path = join(folder, name, file);
      if (!file.toLowerCase().endsWith('.png'))
        throw new DataError('invalid-data', `${path}: not a PNG file; convert or remove it`);
      files.push({ path, label: Number(name) });
    }
  }
  if (files.length === 0) {
    throw new DataError(
      'invalid-data',
      `${folder}: no pictures found; put PNG files into folders named by label, such as 7/a.png`,
    );
  }
  return files;
}

async function list(folder: string): Promise<string[]> {
  return await withFileErrors(DataError, folder, 'read', () => readdir(folder));
}

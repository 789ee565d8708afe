import { existsSync } from 'node:fs';
import { readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ImageDataset } from '../data/index.ts';
import { DataError, UsageError } from '../errors.ts';
import { ensureDir, withFileErrors, writeFolderAtomic } from '../files/index.ts';
import { encodeGreyPng } from './png.ts';

/** The labels and predictions of an evaluation. */
export interface LabelledPredictions {
  /** True class of each image [count]. */
  readonly labels: Uint8Array;
  /** Predicted class of each image [count]. */
  readonly predictions: Uint8Array;
}

/**
 * Writes each misclassified image as `<folder>/<label>/<row>-predicted-<prediction>.png`, which `importPictures` reads.
 * To correct a label, move the file into the folder of another label.
 *
 * If writing fails, there are no files.
 *
 * @param dataset the images that were evaluated
 * @param folder is created; must be empty if it exists
 * @returns the number of files
 * @throws UsageError if the folder is not empty
 * @throws DataError if the files cannot be written
 * @example
 * await writeMistakes(evaluate(model, test, options), test, 'mistakes');
 */
export async function writeMistakes(
  { labels, predictions }: LabelledPredictions,
  dataset: Pick<ImageDataset, 'images' | 'height' | 'width' | 'count'>,
  folder: string,
): Promise<number> {
  if (predictions.length !== dataset.count) {
    throw new RangeError(`${predictions.length} predictions do not fit ${dataset.count} images`);
  }
  let files = 0;
  await withFileErrors(DataError, folder, 'written', async () => {
    if (existsSync(folder) && (await readdir(folder)).length > 0)
      throw new UsageError('folder-not-empty', `${folder}: the folder is not empty; choose another folder`);
    await writeFolderAtomic(folder, async (staging) => {
      files = await writeFiles({ labels, predictions }, dataset, staging);
    });
  });
  return files;
}

async function writeFiles(
  { labels, predictions }: LabelledPredictions,
  { images, height, width }: Pick<ImageDataset, 'images' | 'height' | 'width'>,
  folder: string,
): Promise<number> {
  const pixels = height * width;
  let files = 0;
  for (const [row, label] of labels.entries()) {
    const prediction = predictions[row]!;
    if (prediction === label) continue;
    await ensureDir(join(folder, String(label)));
    const image = images.subarray(row * pixels, (row + 1) * pixels);
    await writeFile(
      join(folder, String(label), `${row}-predicted-${prediction}.png`),
      encodeGreyPng(image, { height, width }),
    );
    files += 1;
  }
  return files;
}

import { writeFile } from 'node:fs/promises';
import { basename, join, resolve } from 'node:path';
import type { ImageAdjustment } from '../../../data/index.ts';
import { DataError } from '../../../errors.ts';
import { jsonText, withFileErrors, writeFolderAtomic } from '../../../files/index.ts';
import { encodeGreyPng, type ImageSize, type InputImage } from '../../../pictures/index.ts';
import { predict } from '../../../recipes/index.ts';
import type { CliContext } from '../../context.ts';
import { recipeOptions } from '../../environment.ts';
import type { Device } from '../../options/shared.ts';
import { predictionDocument, renderPredictions } from './render.ts';

/** Options of `predict`. */
export interface PredictCommandOptions {
  /** Folder of the run. */
  readonly model: string;
  readonly rows?: readonly number[];
  readonly top: number;
  readonly prepared?: string;
  readonly adjust?: readonly ImageAdjustment[];
  readonly device: Device;
  readonly json?: boolean;
}

/** Classifies images and prints the classes. */
export async function runPredict(
  files: readonly string[],
  options: PredictCommandOptions,
  context: CliContext,
): Promise<void> {
  const { model: run, rows, top, prepared, json } = options;
  const { predictions, classNames, images, size } = await predict({
    ...recipeOptions(options, context),
    run,
    files,
    rows,
  });
  if (prepared !== undefined) await writePrepared(images, size, resolve(context.cwd, prepared));
  context.print(
    json
      ? jsonText(predictionDocument(predictions, classNames, run))
      : renderPredictions(predictions, classNames, top),
  );
}

/** Writes the images as `<number>-<file>.png`. */
async function writePrepared(
  images: readonly InputImage[],
  size: ImageSize,
  directory: string,
): Promise<void> {
  const write = async (folder: string) => {
    for (const [index, { file, row, pixels }] of images.entries()) {
      const name = basename(file).replace(/\.[^.]*$/, '');
      const path = join(folder, `${index}-${name}${row === undefined ? '' : `-row-${row}`}.png`);
      await writeFile(path, encodeGreyPng(pixels, size));
    }
  };
  await withFileErrors(DataError, directory, 'written', () => writeFolderAtomic(directory, write));
}

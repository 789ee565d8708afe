import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import {
  type ImageAdjustment,
  type ImageDataset,
  selectRows,
  splitRows,
  subsetOf,
} from '../../../data/index.ts';
import { DataError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import { checkMnist, findMnist, loadMnist, loadSplit, writeMnist } from '../../../mnist-data-loader/index.ts';
import { importPictures } from '../../../pictures/index.ts';
import type { CliContext } from '../../context.ts';
import { type DataDocument, dataDocument, renderData } from './render.ts';

/** Options of `data`. */
export interface DataOptions {
  readonly data?: string;
  readonly adjust?: readonly ImageAdjustment[];
  readonly json?: boolean;
}

/** Options of the commands that write a data set. */
export type WriteSetOptions = {
  readonly seed: number;
  readonly gzip?: boolean;
  readonly overwrite?: boolean;
  readonly out: string;
  readonly json?: boolean;
};

/** Options of `data subset`. */
export type SubsetOptions = WriteSetOptions & {
  readonly data?: string;
  readonly adjust?: readonly ImageAdjustment[];
  readonly digits?: readonly number[];
  readonly count?: number;
  readonly testCount?: number;
};

/** Options of `data import`. */
export type ImportOptions = WriteSetOptions & { readonly testFraction: number; readonly size: number };

/** Shows the data set that other commands would use. */
export async function showData({ data, adjust, json }: DataOptions, context: CliContext): Promise<void> {
  const files = await findMnist(data, context.cwd);
  const train = files.train && (await loadSplit(files, 'train', { adjust }));
  const test = files.test && (await loadSplit(files, 'test', { adjust }));
  printDocument(dataDocument({ directory: files.directory, train, test }), json, context);
}

/** Validates a folder and lists all problems. */
export async function checkData(
  directory: string,
  { json, adjust }: Pick<DataOptions, 'json' | 'adjust'>,
  context: CliContext,
): Promise<void> {
  const check = await checkMnist(directory, context.cwd, { adjust });
  const { errors, warnings } = check;
  printDocument({ ...dataDocument(check), errors, warnings }, json, context);
  if (errors.length === 0) return;
  const problems = errors.length === 1 ? '1 problem' : `${errors.length} problems`;
  throw new DataError('invalid-data', `${directory}: cannot be used (${problems}, see above)`);
}

/** Writes a random subset of a data set. */
export async function writeSubset(options: SubsetOptions, context: CliContext): Promise<void> {
  const { data, adjust, digits, count, testCount, seed } = options;
  const source = await loadMnist({ directory: data, cwd: context.cwd, adjust });
  const train = subsetOf(source.train, { labels: digits, perClass: count, seed });
  const test = subsetOf(source.test, { labels: digits, perClass: testCount, seed });
  if (train.count === 0 || test.count === 0) {
    const images = train.count === 0 ? 'training images' : 'test images';
    throw new DataError(
      'invalid-data',
      `${source.directory}: no ${images} of label ${digits?.join(', ')}; choose other labels`,
    );
  }
  await writeSet({ train, test }, options, context);
}

/** Writes a data set made from a folder of PNG files, a CSV file or an .npz file. */
export async function importData(source: string, options: ImportOptions, context: CliContext): Promise<void> {
  const path = resolve(context.cwd, source);
  if (!(await stat(path).catch(() => undefined))?.isFile())
    return await writePictures(source, options, context);
  const heldOut = { fraction: options.testFraction, seed: options.seed };
  await writeSet(await loadMnist({ directory: path, heldOut }), options, context);
}

async function writePictures(directory: string, options: ImportOptions, context: CliContext): Promise<void> {
  const { size, testFraction, seed } = options;
  const source = await importPictures(resolve(context.cwd, directory), { height: size, width: size });
  const { train, validation: test } = splitRows(source, { fraction: testFraction, seed });
  if (train.length === 0 || test.length === 0) {
    throw new DataError(
      'invalid-data',
      `${directory}: ${source.count} PNG files are split into ${train.length} for training and ${test.length} ` +
        'for testing; add files or change --test-fraction',
    );
  }
  await writeSet({ train: selectRows(source, train), test: selectRows(source, test) }, options, context);
}

async function writeSet(
  sets: { train: ImageDataset; test: ImageDataset },
  options: WriteSetOptions,
  context: CliContext,
): Promise<void> {
  await writeMnist(resolve(context.cwd, options.out), sets, options);
  await showData({ data: options.out, json: options.json }, context);
}

function printDocument(document: DataDocument, json: boolean | undefined, context: CliContext): void {
  context.print(json ? jsonText(document) : renderData(document));
}

import { resolve } from 'node:path';
import { DataError } from '../../../errors.ts';
import { jsonText } from '../../../files/index.ts';
import {
  findMnist,
  type ImageDataset,
  loadMnist,
  loadSplit,
  parseLabels,
  type Split,
  type SplitName,
  selectRows,
  splitRows,
  subsetOf,
  writeMnist,
} from '../../../mnist-data-loader/index.ts';
import { importPictures } from '../../../pictures/index.ts';
import type { CliContext } from '../../context.ts';
import type { ImportOptions, SubsetOptions, WriteSetOptions } from './command.ts';
import { type DataDocument, dataDocument, dataFindings, type LoadedFolder, renderData } from './render.ts';

/** Shows the sets that commands would use. */
export async function showData(
  options: { readonly data?: string; readonly json?: boolean },
  context: CliContext,
): Promise<void> {
  const folder = await loadFolder(options.data, context.cwd);
  if (folder.errors[0]) throw folder.errors[0];
  printDocument(dataDocument(folder), options, context);
}

/** Shows all that is wrong or suspicious about a folder. */
export async function checkData(
  directory: string,
  options: { readonly json?: boolean },
  context: CliContext,
): Promise<void> {
  const folder = await loadFolder(directory, context.cwd);
  const { errors, warnings } = dataFindings(folder);
  printDocument({ ...dataDocument(folder), errors, warnings }, options, context);
  if (errors.length === 0) return;
  const problems = errors.length === 1 ? '1 problem' : `${errors.length} problems`;
  throw new DataError('invalid-data', `${directory}: cannot be used (${problems}, see above)`);
}

/** Writes a part of a set, drawn at random. */
export async function writeSubset(options: SubsetOptions, context: CliContext): Promise<void> {
  const whole = await loadMnist({ directory: options.data, cwd: context.cwd });
  const labels = options.digits === undefined ? undefined : parseLabels(options.digits, whole.train.classes);
  const draw = { labels, seed: options.seed };
  const train = subsetOf(whole.train, { ...draw, perClass: options.count });
  const test = subsetOf(whole.test, { ...draw, perClass: options.testCount });
  if (train.count === 0 || test.count === 0) {
    throw new DataError(
      'invalid-data',
      `${whole.directory}: has no ${train.count === 0 ? 'training' : 'test'} image of label ${options.digits}; choose others`,
    );
  }
  await writeAndShow({ train, test }, options, context);
}

/** Writes a set of the pictures in a folder. */
export async function writePictures(
  directory: string,
  options: ImportOptions,
  context: CliContext,
): Promise<void> {
  const { size, testShare, seed } = options;
  const whole = await importPictures(resolve(context.cwd, directory), { height: size, width: size });
  const { train, validation: test } = splitRows(whole, { share: testShare, seed });
  if (train.length === 0 || test.length === 0) {
    throw new DataError(
      'invalid-data',
      `${directory}: ${whole.count} pictures make ${train.length} to train on and ${test.length} to test; add pictures or change --test-share`,
    );
  }
  await writeAndShow({ train: selectRows(whole, train), test: selectRows(whole, test) }, options, context);
}

async function writeAndShow(
  sets: { train: ImageDataset; test: ImageDataset },
  options: WriteSetOptions,
  context: CliContext,
): Promise<void> {
  const out = resolve(context.cwd, options.out!);
  await writeMnist(out, sets, options);
  printDocument(dataDocument(await loadFolder(out, context.cwd)), options, context);
}

function printDocument(
  document: DataDocument,
  { json }: { readonly json?: boolean },
  context: CliContext,
): void {
  context.print(json ? jsonText(document) : renderData(document));
}

/**
 * Loads what a folder has, set by set.
 *
 * @throws DataError when the folder has no IDX files at all
 */
async function loadFolder(directory: string | undefined, cwd: string): Promise<LoadedFolder> {
  const files = await findMnist(directory, cwd);
  const errors: DataError[] = [];
  const load = async (name: SplitName): Promise<Split | undefined> => {
    if (!files[name]) return undefined;
    try {
      return await loadSplit(files, name);
    } catch (error) {
      if (!(error instanceof DataError)) throw error;
      errors.push(error);
      return undefined;
    }
  };
  return { directory: files.directory, train: await load('train'), test: await load('test'), errors };
}

import { selectRows, splitRows } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { readHashedIdx, readIdxLabels } from './idx.ts';
import type { LabelledArrays, MnistFiles, SplitName } from './mnist-files.ts';
import { readNpz } from './npz.ts';
import { readCsv } from './table-file.ts';
import { toDataset } from './to-dataset.ts';

/** How to draw a test set from a file that has none: a fraction of each label. */
export interface HeldOut {
  readonly fraction: number;
  readonly seed: number;
}

type Table = Partial<Record<SplitName | 'all', LabelledArrays>>;

/** Content of files that contain both sets, so that loading both reads them once. */
const tables = new WeakMap<MnistFiles, Promise<Table>>();

/**
 * Reads images and labels of one set.
 *
 * @param heldOut how to divide a file that contains both sets in one
 * @throws DataError if a file cannot be read or is damaged
 */
export async function readSplit(
  mnistFiles: MnistFiles,
  name: SplitName,
  heldOut: HeldOut = { fraction: 0.2, seed: 0 },
): Promise<LabelledArrays> {
  const { format, isSplit } = mnistFiles;
  const files = mnistFiles[name]!;
  if (format === undefined) {
    return { images: await readHashedIdx(files.images), labels: await readIdxLabels(files.labels) };
  }
  if (format === 'csv' && !isSplit) return await readCsv(files.images);
  const table = tables.get(mnistFiles) ?? readTable(mnistFiles, files.images);
  tables.set(mnistFiles, table);
  const { all, ...sets } = await table;
  const arrays = all ? partOf(all, name, { path: files.images, ...heldOut }) : sets[name];
  if (arrays) return arrays;
  const title = name === 'train' ? 'training' : 'test';
  throw new DataError('data-not-found', `${files.images}: no ${title} set; use a file that has one`);
}

async function readTable({ format }: MnistFiles, path: string): Promise<Table> {
  return format === 'npz' ? await readNpz(path) : { all: await readCsv(path) };
}

function partOf(
  { images, labels }: LabelledArrays,
  name: SplitName,
  { path, fraction, seed }: HeldOut & { readonly path: string },
): LabelledArrays {
  const dataset = toDataset(images, labels, { images: path, labels: path });
  const { train, validation } = splitRows(dataset, { fraction, seed });
  const part = selectRows(dataset, name === 'train' ? train : validation);
  return {
    images: { shape: [part.count, part.height, part.width], values: part.images },
    labels: { shape: [part.count], values: part.labels },
  };
}

import { open, readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { DataError } from '../errors.ts';
import { FILE_KIND_BYTES, fileKind, withFileErrors } from '../files/index.ts';
import { csvColumns, MAX_CSV_HEADER_BYTES, parseCsv } from './csv.ts';
import { MAX_IDX_BYTES } from './idx.ts';
import type { LabelledArrays, MnistFiles } from './mnist-files.ts';

/**
 * Finds the data sets of a single file: a CSV file of labels and pixels, or an .npz file.
 *
 * A CSV file is the training set, unless its name contains `test`. Its test set is the file of the same name with `test` in
 * place of `train` if that exists and has labels (Kaggle's test.csv has none), else a fraction of the file itself.
 *
 * @throws DataError if the file is of another format, or has no labels
 */
export async function findTable(path: string): Promise<MnistFiles> {
  const start = await readStart(path);
  if (start[0] === 0x50 && start[1] === 0x4b && path.toLowerCase().endsWith('.npz')) {
    const files = { images: path, labels: path };
    return { directory: path, format: 'npz', train: files, test: files };
  }
  const kind = fileKind(start.subarray(0, FILE_KIND_BYTES));
  const columns = kind ? undefined : csvColumns(start);
  if (!columns) {
    const name = kind ? `${kind.name}; ${kind.advice}, and` : 'neither IDX, CSV nor .npz;';
    throw new DataError(
      'invalid-data',
      `${path}: ${name} use a folder with IDX files, a CSV file of labels and pixels, or an .npz file`,
    );
  }
  if (columns.label === undefined) {
    throw new DataError(
      'invalid-data',
      `${path}: has no labels (${columns.count} columns, all of them pixels); use a file with a column 'label'`,
    );
  }
  const files = { images: path, labels: path };
  const name = basename(path);
  if (/test/i.test(name) && !/train/i.test(name)) return { directory: path, format: 'csv', test: files };
  const test = await labelledTestFile(path);
  if (test === undefined) return { directory: path, format: 'csv', train: files, test: files, isSplit: true };
  return { directory: path, format: 'csv', train: files, test: { images: test, labels: test } };
}

async function labelledTestFile(path: string): Promise<string | undefined> {
  const name = basename(path).replace(/train(ing)?/i, 'test');
  const sibling = join(dirname(path), name);
  if (name === basename(path)) return undefined;
  const isFile = await stat(sibling).then(
    (stats) => stats.isFile(),
    () => false,
  );
  return isFile && csvColumns(await readStart(sibling))?.label !== undefined ? sibling : undefined;
}

/** @throws DataError as `parseCsv`, or if the file cannot be read or is too large */
export async function readCsv(path: string): Promise<LabelledArrays> {
  const bytes = await withFileErrors(DataError, path, 'read', async () => {
    const { size } = await stat(path);
    if (size > MAX_IDX_BYTES) {
      throw new DataError(
        'invalid-data',
        `${path}: too large (${size} bytes, limit ${MAX_IDX_BYTES}); split it`,
      );
    }
    return await readFile(path);
  });
  const columns = csvColumns(bytes.subarray(0, MAX_CSV_HEADER_BYTES));
  if (columns?.label === undefined) throw new DataError('invalid-data', `${path}: has no labels`);
  return parseCsv(bytes, columns, path);
}

async function readStart(path: string): Promise<Uint8Array> {
  return await withFileErrors(DataError, path, 'read', async () => {
    const file = await open(path);
    try {
      if (!(await file.stat()).isFile())
        throw new DataError('invalid-data', `${path}: not a file; name a folder or a file`);
      const { bytesRead, buffer } = await file.read(
        new Uint8Array(MAX_CSV_HEADER_BYTES),
        0,
        MAX_CSV_HEADER_BYTES,
        0,
      );
      return buffer.subarray(0, bytesRead);
    } finally {
      await file.close();
    }
  });
}

import { DataError } from '../errors.ts';

/**
 * Checks the rows of some steps and counts the steps. Compiled code would take a wrong row for the nearest one.
 *
 * @throws DataError when a row is outside the data, or the last batch is not full
 */
export function checkRows(rows: Int32Array, batchSize: number, count: number): number {
  if (rows.length % batchSize !== 0) {
    throw new DataError('invalid-data', `${rows.length} rows do not make whole batches of ${batchSize}`);
  }
  for (const row of rows) {
    if (row < 0 || row >= count)
      throw new DataError('invalid-data', `row ${row} is outside the data, which has ${count} rows`);
  }
  return rows.length / batchSize;
}

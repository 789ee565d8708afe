import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { withFileErrors } from '../../src/files/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('an error of the file system becomes an error of the given class, with the path and what to do', async () => {
  const path = join(await temporaryFolder(), 'missing');
  const reading = withFileErrors(DataError, path, 'read', () => readFile(path));
  await expect(reading).rejects.toThrowError(DataError);
  await expect(reading).rejects.toMatchObject({
    code: 'file-not-found',
    message: `${path}: cannot be read: no such file or folder; check the path`,
  });
});

test('an unknown error code is reported unchanged', async () => {
  const error = Object.assign(new Error('x'), { code: 'EXDEV' });
  await expect(withFileErrors(DataError, 'x', 'written', () => Promise.reject(error))).rejects.toMatchObject({
    code: 'file-unwritable',
    message: 'x: cannot be written: EXDEV',
  });
});

test('errors that are not of the file system pass unchanged', async () => {
  for (const error of [new Error('another'), new DataError('invalid-data', 'x')]) {
    await expect(withFileErrors(DataError, 'x', 'written', () => Promise.reject(error))).rejects.toBe(error);
  }
});

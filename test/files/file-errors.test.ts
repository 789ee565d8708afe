import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { withFileErrors } from '../../src/files/file-errors.ts';
import { readJson, writeJson } from '../../src/files/json.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('a failure of the file system becomes one line of the kind asked for, with what to do', async () => {
  const path = join(await temporaryFolder(), 'missing');
  const error = await withFileErrors(DataError, path, 'read', () => readFile(path)).catch((thrown) => thrown);
  expect(error).toBeInstanceOf(DataError);
  expect(error.message).toBe(`${path}: cannot be read: there is no such file or folder; check the path`);
});

test('other errors pass as they are', async () => {
  const error = new Error('not of a file');
  await expect(withFileErrors(DataError, 'path', 'written', () => Promise.reject(error))).rejects.toBe(error);
});

test('JSON comes back as it was written, and damaged JSON is refused by name', async () => {
  const path = join(await temporaryFolder(), 'one.json');
  await writeJson(path, { rank: 2 });
  expect(await readFile(path, 'utf8')).toBe('{\n  "rank": 2\n}\n');
  expect(await readJson(path)).toEqual({ rank: 2 });
  await writeFile(path, '{');
  await expect(readJson(path)).rejects.toThrowError(`${path}: is not JSON; the file is damaged`);
});

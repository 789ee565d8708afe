import { readFile, symlink } from 'node:fs/promises';
import { constants } from 'node:os';
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

test.each([
  ['ENAMETOOLONG', 'the name is too long for the file system; choose a shorter one'],
  ['ELOOP', 'too many symbolic links, or one that leads to itself; check the path'],
  ['EMLINK', 'too many folders or links in one folder; choose another folder'],
  ['EFBIG', 'the file is too large for the file system or the limit of the user (ulimit -f)'],
  ['EROFS', 'the file system is read-only; choose another folder'],
  ['EDQUOT', 'the disk quota is exceeded; free some space'],
  ['ENOSPC', 'the disk is full; free some space'],
  ['EISDIR', 'it is a folder; name a file'],
  ['ENOTDIR', 'a part of the path is a file; check the path'],
  ['ENOTEMPTY', 'the folder is not empty; choose another folder'],
  ['EMFILE', 'too many files are open; raise the limit (ulimit -n)'],
  ['EBUSY', 'another program or a mount uses it; end the program, or choose another place'],
  ['EXDEV', 'it is on another disk than its folder; choose another folder'],
  ['EIO', 'the disk reported an error; check the disk'],
  ['ESTALE', 'the network file system lost it; mount it again'],
  ['ERR_FS_FILE_TOO_LARGE', 'the file is too large; check that it is the right file'],
  ['ERR_INVALID_ARG_VALUE', 'the path contains a null character; check the path'],
])('says what %s means', async (code, meaning) => {
  const error = Object.assign(new Error('x'), { code });
  await expect(withFileErrors(DataError, 'x', 'written', () => Promise.reject(error))).rejects.toMatchObject({
    code: 'file-unwritable',
    message: `x: cannot be written: ${meaning}`,
  });
});

test.each([
  ['ENOENT', 'read', 'file-not-found'],
  ['ENOTDIR', 'read', 'file-not-found'],
  ['EACCES', 'read', 'file-unreadable'],
  ['EISDIR', 'read', 'file-unreadable'],
  ['ENOENT', 'written', 'file-unwritable'],
  ['EACCES', 'created', 'file-unwritable'],
] as const)('%s of a file that cannot be %s has the code %s', async (code, action, expected) => {
  const error = Object.assign(new Error('x'), { code });
  const failing = withFileErrors(DataError, 'x', action, () => Promise.reject(error));
  await expect(failing).rejects.toMatchObject({ code: expected, cause: error });
});

test('says what the system reports, in words', async () => {
  const folder = await temporaryFolder();
  const messageOf = (path: string) =>
    withFileErrors(DataError, 'x', 'read', () => readFile(path)).catch(({ message }) => message);
  await symlink('loop', join(folder, 'loop'));
  expect(await messageOf(join(folder, 'loop'))).toMatch('x: cannot be read: too many symbolic links');
  expect(await messageOf(join(folder, 'a'.repeat(300)))).toMatch('x: cannot be read: the name is too long');
  expect(await messageOf(folder)).toBe('x: cannot be read: it is a folder; name a file');
  expect(await messageOf('a\0b')).toMatch('x: cannot be read: the path contains a null character');
});

test('an unknown code is reported in the words of the system, if it has any', async () => {
  const message = (error: object) =>
    withFileErrors(DataError, 'x', 'read', () => Promise.reject(Object.assign(new Error('y'), error))).catch(
      (failure) => failure.message,
    );
  expect(await message({ code: 'EXYZ' })).toBe('x: cannot be read: EXYZ');
  const errno = -constants.errno.EPIPE;
  expect(await message({ code: 'EPIPE', errno })).toBe('x: cannot be read: broken pipe (EPIPE)');
});

test('more bytes than Node can hold are a large file, other RangeErrors are bugs', async () => {
  for (const allocate of [
    () => new Uint8Array(2 ** 53 - 1),
    () => new Float32Array(2 ** 40),
    () => 'x'.repeat(2 ** 30),
  ]) {
    const reading = withFileErrors(DataError, 'x', 'read', async () => allocate());
    await expect(reading).rejects.toThrowError(DataError);
    await expect(reading).rejects.toThrowError('x: cannot be read: the file is too large');
  }
  const bug = new RangeError('Maximum call stack size exceeded');
  await expect(withFileErrors(DataError, 'x', 'read', () => Promise.reject(bug))).rejects.toBe(bug);
});

test('errors that are not of the file system pass unchanged', async () => {
  for (const error of [
    new Error('another'),
    new Error('Invalid array length'),
    new DataError('invalid-data', 'x'),
  ]) {
    await expect(withFileErrors(DataError, 'x', 'written', () => Promise.reject(error))).rejects.toBe(error);
  }
});

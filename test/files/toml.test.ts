import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { readToml } from '../../src/files/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test.each([
  ['\ufeffsteps = 3\r\n[eval]\r\ndata = "x"\r\n', 'utf8'],
  ['\ufeffsteps = 3\r\n[eval]\r\ndata = "x"\r\n', 'utf16le'],
] as const)('readToml reads a byte order mark and CRLF: %j', async (text, encoding) => {
  const path = join(await temporaryFolder(), 'x.toml');
  await writeFile(path, Buffer.from(text, encoding));
  expect(readToml(path)).toEqual({ steps: 3, eval: { data: 'x' } });
});

test('readToml rejects a large file', async () => {
  const path = join(await temporaryFolder(), 'x.toml');
  await writeFile(path, '');
  await truncate(path, 2 ** 30);
  expect(() => readToml(path)).toThrowError(`${path}: cannot be read: the file is too large (limit 1 MiB)`);
});

test('readToml reads a file of exactly the limit', async () => {
  const path = join(await temporaryFolder(), 'x.toml');
  await writeFile(path, '#'.repeat(2 ** 20));
  expect(readToml(path)).toEqual({});
  await writeFile(path, '#'.repeat(2 ** 20 + 1));
  expect(() => readToml(path)).toThrowError('the file is too large');
});

test('readToml names line and column of a syntax error, and a file that is missing', async () => {
  const path = join(await temporaryFolder(), 'x.toml');
  await writeFile(path, 'steps = 3\nrate 0.5\n');
  expect(() => readToml(path)).toThrowError(UsageError);
  expect(() => readToml(path)).toThrowError(/x\.toml: line 2, column 6: invalid TOML: [^\n]+$/);
  expect(() => readToml(`${path}x`)).toThrowError(UsageError);
  expect(() => readToml(`${path}x`)).toThrowError('x.tomlx: cannot be read: no such file');
});

import { truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
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

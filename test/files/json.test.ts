import { execFileSync, spawn } from 'node:child_process';
import { readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { readJson, writeJson } from '../../src/files/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('readJson returns what writeJson wrote', async () => {
  const path = join(await temporaryFolder(), 'x.json');
  await writeJson(path, { rank: 2 });
  expect(await readFile(path, 'utf8')).toBe('{\n  "rank": 2\n}\n');
  expect(await readJson(path)).toEqual({ rank: 2 });
});

test('readJson reads null, at the top and below', async () => {
  const path = join(await temporaryFolder(), 'x.json');
  for (const value of [null, { a: null }, [null]]) {
    await writeFile(path, JSON.stringify(value));
    expect(await readJson(path)).toEqual(value);
  }
});

test('readJson rejects a damaged file with its path', async () => {
  const path = join(await temporaryFolder(), 'x.json');
  await writeFile(path, '{');
  await expect(readJson(path)).rejects.toThrowError(`${path}: not valid JSON; the file is damaged`);
});

test('readJson rejects content that is nested too deeply to walk through', async () => {
  const path = join(await temporaryFolder(), 'x.json');
  await writeFile(path, `{"a":${'['.repeat(199)}${']'.repeat(199)}}`);
  expect(await readJson(path)).toHaveProperty('a');
  await writeFile(path, `{"a":${'['.repeat(200)}${']'.repeat(200)}}`);
  await expect(readJson(path)).rejects.toThrowError(
    `${path}: nested more than 200 levels deep; the file is damaged`,
  );
});

test.each([
  ['UTF-8 with a byte order mark and CRLF', Buffer.from('\ufeff{\r\n "name": "é"\r\n}\r\n')],
  ['UTF-16 with a byte order mark', Buffer.from('\ufeff{\r\n "name": "é"\r\n}', 'utf16le')],
  ['big-endian UTF-16', Buffer.from('\ufeff{"name": "é"}', 'utf16le').swap16()],
])('readJson reads %s', async (_, bytes) => {
  const path = join(await temporaryFolder(), 'x.json');
  await writeFile(path, bytes);
  expect(await readJson(path)).toEqual({ name: 'é' });
});

test('readJson rejects a file above the limit without reading it', async () => {
  const path = join(await temporaryFolder(), 'x.json');
  await writeFile(path, '');
  await truncate(path, 2 ** 30);
  await expect(readJson(path)).rejects.toMatchObject({
    name: 'CheckpointError',
    code: 'file-unreadable',
    message: `${path}: cannot be read: the file is too large (limit 64 MiB); check that it is the right file`,
  });
  await expect(readJson(path, 2 ** 20)).rejects.toThrowError('(limit 1 MiB)');
});

test('readJson reads a file of exactly the limit', async () => {
  const path = join(await temporaryFolder(), 'x.json');
  for (const maxBytes of [100, 200_000]) {
    const content = 'x'.repeat(maxBytes - 2);
    await writeFile(path, JSON.stringify(content));
    expect(await readJson(path, maxBytes)).toBe(content);
    await expect(readJson(path, maxBytes - 1)).rejects.toThrowError('the file is too large');
  }
});

test.skipIf(process.platform === 'win32')('readJson reads a pipe up to the limit', async () => {
  const folder = await temporaryFolder();
  const [file, pipe] = [join(folder, 'file'), join(folder, 'pipe')];
  const content = Array.from({ length: 50_000 }, (_, index) => index);
  await writeFile(file, JSON.stringify(content));
  execFileSync('mkfifo', [pipe]);
  const readPipe = (maxBytes?: number) => {
    spawn('sh', ['-c', 'cat "$0" > "$1"', file, pipe], { stdio: 'ignore' });
    return readJson(pipe, maxBytes);
  };
  expect(await readPipe()).toEqual(content);
  await expect(readPipe(100_000)).rejects.toThrowError('the file is too large');
});

test.runIf(process.platform === 'linux')(
  'readJson stops reading an endless device at the limit',
  async () => {
    await expect(readJson('/dev/zero', 2 ** 20)).rejects.toThrowError(
      '/dev/zero: cannot be read: the file is too large',
    );
  },
);

import { readFile, writeFile } from 'node:fs/promises';
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

test('readJson rejects a damaged file with its path', async () => {
  const path = join(await temporaryFolder(), 'x.json');
  await writeFile(path, '{');
  await expect(readJson(path)).rejects.toThrowError(`${path}: not valid JSON; the file is damaged`);
});

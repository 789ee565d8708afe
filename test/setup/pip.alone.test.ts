import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { pipDownload } from '../../src/setup/pip.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const wheel = {
  name: 'tensorflow-cpu',
  version: '2.21.0',
  platform: 'manylinux_2_27_x86_64',
  sha256: '',
  sizeBytes: 1,
  unpackedBytes: 1,
};

afterEach(() => {
  vi.unstubAllEnvs();
});

test('a PYTHON that cannot be run, or has no pip, is named', async () => {
  const folder = await temporaryFolder();
  const withoutPip = join(folder, 'python');
  await writeFile(withoutPip, '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  for (const [python, problem] of [
    ['/nowhere/python3', 'cannot be run'],
    [withoutPip, 'has no pip'],
  ] as const) {
    vi.stubEnv('PYTHON', python);
    await expect(pipDownload(wheel, join(folder, 'new'), { onStep: () => {} })).rejects.toMatchObject({
      code: 'pip-missing',
      message: `PYTHON=${python}: ${problem}; it must name a Python with pip`,
    });
  }
});

import { execa } from 'execa';
import { expect, test } from 'vitest';
import { withPython as withNetwork } from '../helpers/python.ts';

test.runIf(withNetwork)('npm leads from the packed package to a first adapter', async () => {
  const { stdout } = await execa(process.execPath, ['scripts/package-managers.mjs', 'npm']);
  expect(stdout).toMatch(/^npm +works: install \d+\.\d s, set-up \d+\.\d s, base and adapter \d+\.\d s$/);
});

test('an unknown package manager is an error that lists the known ones', async () => {
  const result = await execa(process.execPath, ['scripts/package-managers.mjs', 'bower'], { reject: false });
  expect(result).toMatchObject({
    exitCode: 2,
    stderr: expect.stringContaining("unknown package manager 'bower'; use one of npm, npm workspaces"),
  });
});

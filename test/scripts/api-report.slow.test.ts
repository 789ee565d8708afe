import { execa } from 'execa';
import { expect, test } from 'vitest';
import { useBuild } from '../helpers/build.ts';

useBuild();

test('the API reports in docs match the exported types', async () => {
  const { exitCode, stderr } = await execa('node', ['scripts/api-report.mjs', '--check'], { reject: false });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

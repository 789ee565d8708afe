import { execa } from 'execa';
import { expect, test } from 'vitest';

test('the API reports in docs match the exported types', async () => {
  await execa('npm', ['run', 'build']);
  const { exitCode, stderr } = await execa('node', ['scripts/api-report.mjs', '--check'], { reject: false });
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
});

import { execa } from 'execa';
import { expect, test } from 'vitest';
import { useBuild } from '../helpers/build.ts';
import { withoutRedis } from '../helpers/redis.ts';

useBuild();

/** Runs a short form of a campaign. Its faults are lines of stderr. */
async function campaign(name: 'crash' | 'fuzz' | 'queue', ...argv: string[]) {
  const script = `scripts/campaigns/${name}/main.mjs`;
  const { exitCode, stdout, stderr } = await execa('node', [script, ...argv], { reject: false });
  return { exitCode, table: stdout, faults: stderr.split('\n').filter((line) => /FAULT|rror/.test(line)) };
}

test('killed commands leave the old or the new content, and training resumes', async () => {
  const commands = ['finetune --overwrite', 'export --adapter', 'data subset'];
  const result = await campaign(
    'crash',
    ...['--n', '2', '--random', '1'],
    ...commands.flatMap((name) => ['--only', name]),
  );
  expect(result).toMatchObject({ exitCode: 0, faults: [] });
  expect(result.table).toMatch(
    /^\| finetune --overwrite.*\| kill -9 before file operations .*\| +2 \| +2 \|$/m,
  );
});

test('damaged files and hostile option values give a clear error or a valid result', async () => {
  const result = await campaign('fuzz', '--variants', '8');
  expect(result).toMatchObject({ exitCode: 0, faults: [] });
  expect(result.table).toMatch(/^\| a clear error.*\| option values +\| +8 \| +8 \|$/m);
});

test.skipIf(withoutRedis)('a sweep over a queue survives killed workers and a restart of Redis', async () => {
  const result = await campaign('queue', '--trials', '20', '--workers', '2', '--kill-every', '5');
  expect(result).toMatchObject({ exitCode: 0, faults: [] });
  expect(result.table).toMatch(/ [1-9] workers killed, Redis restarted 1 time .*\| +20 \| +20 \|$/m);
});

import { expect, test } from 'vitest';
import { failureReason, run } from '../../src/setup/run.ts';

test('a program runs with extra variables, and its stdout and stderr are returned together', async () => {
  const result = await run('sh', ['-c', 'echo "$WORD"; echo two >&2'], { WORD: 'one' });
  expect(result).toEqual({ ok: true, notFound: false, output: 'one\ntwo' });
});

test('a program that does not exist differs from one that fails', async () => {
  expect(await run('sh', ['-c', 'echo bad; exit 3'])).toEqual({ ok: false, notFound: false, output: 'bad' });
  expect(await run('no-such-program', [])).toMatchObject({ ok: false, notFound: true });
});

test.for([
  ['Collecting x\nERROR: first\nERROR: no network\nhint: try later\n', 'no network'],
  ['one\ntwo\n', 'two'],
  ['', 'no output'],
] as const)('the output %j is summed up as %j', ([output, reason]) => {
  expect(failureReason(output)).toBe(reason);
});

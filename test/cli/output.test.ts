import { expect, test } from 'vitest';
import { messageLine, safeOutput } from '../../src/cli/output.ts';
import { recordedContext } from '../helpers/context.ts';

const HOSTILE = 'a\x1b]0;title\x07\x1b[2J\x1b[8m\0\u202eb';
const ESCAPED = 'a\\u001b]0;title\\u0007\\u001b[2J\\u001b[8m\\u0000\\u202eb';

test('no control character of a name reaches stdout or stderr', () => {
  for (const color of [false, true]) {
    const context = recordedContext({ color });
    const output = safeOutput(context);
    output.print(`${HOSTILE}\n\tnext line`);
    output.note(`${HOSTILE}\nnext line`);
    output.annotate(HOSTILE);
    expect(context.out).toEqual([`${ESCAPED}\n\tnext line`]);
    expect(context.err).toEqual([`${ESCAPED}\nnext line`, ESCAPED]);
  }
});

test('colours of results stay if colours are wanted', () => {
  const text =
    '\x1b[1mtotal\x1b[22m \x1b[31mNOT MET\x1b[39m \x1b[2m* significant\x1b[22m \x1b[32mmet\x1b[39m';
  const coloured = recordedContext({ color: true });
  safeOutput(coloured).print(text);
  expect(coloured.out).toEqual([text]);
  const plain = recordedContext();
  safeOutput(plain).print(text);
  expect(plain.out[0]).not.toContain('\x1b');
});

test('a message is one line of limited length that keeps its start and end', () => {
  const message = messageLine(`file.json: unknown type ${'A'.repeat(20_000_000)}\n\x1b; copy it again`);
  expect(message).toMatch(/^file\.json: unknown type A+…A+\\u000a\\u001b; copy it again$/);
  expect(message.length).toBeLessThanOrEqual(1000);
});

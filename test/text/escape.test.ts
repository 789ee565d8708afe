import { describe, expect, test } from 'vitest';
import { escapeControls, quote, shortenMiddle } from '../../src/text/index.ts';

describe('escapeControls', () => {
  test.each([
    ['\x1b]0;title\x07\x1b[31mred', '\\u001b]0;title\\u0007\\u001b[31mred'],
    ['a\0b\x7fc\x9bd', 'a\\u0000b\\u007fc\\u009bd'],
    ['\u202eabc\u2066\u200f', '\\u202eabc\\u2066\\u200f'],
    ['one\r\ntwo\tthree\u2028four', 'one\\u000d\\u000atwo\\u0009three\\u2028four'],
    ['Größe, 数字, 👩‍🔬, עברית', 'Größe, 数字, 👩‍🔬, עברית'],
  ])('escapes what a terminal acts on, and nothing else: %j', (text, expected) => {
    expect(escapeControls(text)).toBe(expected);
  });

  test('keeps the given characters', () => {
    expect(escapeControls('a\n\tb\x1b', '\n\t')).toBe('a\n\tb\\u001b');
  });

  test('keeps the value of JSON', () => {
    const value = { 'x\x7f': ['\u202e\x9b', '\n', '\ud800'] };
    const text = escapeControls(JSON.stringify(value, null, 2), '\n');
    expect(text).toContain('"x\\u007f"');
    expect(JSON.parse(text)).toEqual(value);
  });
});

test('quote describes a value that is nested too deeply for JSON.stringify', () => {
  const nested = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
  expect(quote(nested)).toBe('a deeply nested value');
});

test('shortenMiddle keeps the start and the end', () => {
  expect(shortenMiddle('pullover', 6)).toBe('pull…r');
  expect(shortenMiddle('pullover', 8)).toBe('pullover');
  expect(shortenMiddle('x'.repeat(500), 100)).toHaveLength(100);
});

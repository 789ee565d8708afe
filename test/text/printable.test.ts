import { describe, expect, test } from 'vitest';
import { printable, printableJson, quoteValue, shortenMiddle } from '../../src/text/index.ts';

describe('printable', () => {
  test.each([
    ['\x1b]0;title\x07\x1b[31mred', '\\x1b]0;title\\x07\\x1b[31mred'],
    ['a\0b\x7fc\x9bd', 'a\\x00b\\x7fc\\x9bd'],
    ['\u202eabc\u2066\u200f', '\\u202eabc\\u2066\\u200f'],
    ['one\r\ntwo\tthree\u2028four', 'one\\x0d\\x0atwo\\x09three\\u2028four'],
    ['Größe, 数字, 👩‍🔬, עברית', 'Größe, 数字, 👩‍🔬, עברית'],
  ])('escapes what a terminal acts on, and nothing else: %j', (text, expected) => {
    expect(printable(text)).toBe(expected);
  });

  test('keeps the given characters', () => {
    expect(printable('a\n\tb\x1b', '\n\t')).toBe('a\n\tb\\x1b');
  });
});

test('printableJson escapes what JSON.stringify leaves, and keeps the value', () => {
  const value = { 'x\x7f': ['\u202e\x9b', '\n'] };
  const text = printableJson(JSON.stringify(value, null, 2));
  expect(text).toBe('{\n  "x\\u007f": [\n    "\\u202e\\u009b",\n    "\\n"\n  ]\n}');
  expect(JSON.parse(text)).toEqual(value);
});

describe('quoteValue', () => {
  test.each([
    ['F32', '"F32"'],
    ['a "b"\n\u202e', '"a \\"b\\"\\n\\u202e"'],
    [[1, 2], '[1,2]'],
    [undefined, 'undefined'],
    [Number.NaN, 'null'],
  ])('quotes %j as JSON on one line', (value, expected) => {
    expect(quoteValue(value)).toBe(expected);
  });

  test.each([['a'.repeat(20_000_000)], [new Array(1_000_000).fill(7)], ['\x1b'.repeat(1000)]])(
    'is short for a long value',
    (value) => {
      expect(quoteValue(value).length).toBeLessThan(1000);
      expect(quoteValue(value)).toContain('…');
    },
  );

  test('describes a value that is nested too deeply for JSON.stringify', () => {
    const nested = JSON.parse('['.repeat(100_000) + ']'.repeat(100_000));
    expect(quoteValue(nested)).toBe('a deeply nested value');
  });
});

test('shortenMiddle keeps the start and the end', () => {
  expect(shortenMiddle('pullover', 6)).toBe('pull…r');
  expect(shortenMiddle('pullover', 8)).toBe('pullover');
  expect(shortenMiddle('x'.repeat(500), 100)).toHaveLength(100);
});

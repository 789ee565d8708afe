import { describe, expect, test } from 'vitest';
import {
  formatCount,
  formatNumber,
  formatPercent,
  formatPoints,
  formatPValue,
  formatSigned,
  listNames,
  plainTable,
  printable,
  quote,
  shorten,
  tableText,
} from '../../src/text/index.ts';

describe('number formats', () => {
  test.each([
    [formatCount(10_000), '10,000'],
    [formatNumber(1.2345), '1.23'],
    [formatSigned(1234), '+1,234'],
    [formatSigned(-0.5, 2), '-0.50'],
    [formatSigned(0), '0'],
    [formatPercent(0.8912), '89.12'],
    [formatPercent(null), 'n/a'],
    [formatPoints(0.012), '+1.20'],
    [formatPoints(-0.00001), '0.00'],
    [formatPoints(null), 'n/a'],
    [formatPValue(0.0312), '0.031'],
    [formatPValue(0.00002), '<0.001'],
    [formatPValue(0.001), '0.001'],
    [formatPValue(null), 'n/a'],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected);
  });

  test('shortens only texts that are too long', () => {
    expect(shorten('pullover', 6)).toBe('pullo…');
    expect(shorten('coat', 6)).toBe('coat');
  });
});

test('a plain table aligns its columns and has no borders or trailing spaces', () => {
  const table = plainTable(['left', 'right', 'left']);
  table.push(['layer', 'rank', ''], ['linear1', '2', 'dense']);
  expect(tableText(table)).toBe('layer    rank\nlinear1     2  dense');
});

describe('values of files in messages', () => {
  test.each([
    [quote('F33'), '"F33"'],
    [quote([1, 2]), '[1,2]'],
    [quote(undefined), 'undefined'],
    [quote(null), 'null'],
    [quote(Number.NaN), 'NaN'],
    [quote(1n), '1'],
    [quote('a\u001b[2Jb\u009b\u202e\n'), '"a\\u001b[2Jb\\u009b\\u202e\\n"'],
    [quote({ 'a\u009b': 1 }), '{"a\\u009b":1}'],
    [printable('layer\u001b[31m\n'), 'layer\\u001b[31m\\u000a'],
    [printable('größe 層'), 'größe 層'],
    [listNames([]), ''],
    [listNames(['a', 'b\u0007']), 'a, b\\u0007'],
    [listNames([...'abcdefghij']), 'a, b, c, d, e, f, g, h and 2 more'],
  ])('%s', (text, expected) => {
    expect(text).toBe(expected);
  });

  test('are shortened', () => {
    const long = 'A'.repeat(1_000_000);
    expect(quote(long)).toBe(`"${'A'.repeat(99)}…"`);
    expect(quote({ long }).length).toBe(100);
    expect(printable(long).length).toBe(100);
    expect(listNames(Array.from({ length: 100 }, () => long)).length).toBeLessThan(900);
  });
});

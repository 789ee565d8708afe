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
    ['10,000', () => formatCount(10_000)],
    ['1.23', () => formatNumber(1.2345)],
    ['+1,234', () => formatSigned(1234)],
    ['-0.50', () => formatSigned(-0.5, 2)],
    ['0', () => formatSigned(0)],
    ['89.12', () => formatPercent(0.8912)],
    ['n/a', () => formatPercent(null)],
    ['+1.20', () => formatPoints(0.012)],
    ['0.00', () => formatPoints(-0.00001)],
    ['n/a', () => formatPoints(null)],
    ['0.031', () => formatPValue(0.0312)],
    ['<0.001', () => formatPValue(0.00002)],
    ['0.001', () => formatPValue(0.001)],
    ['n/a', () => formatPValue(null)],
  ])('%s', (expected, format) => {
    expect(format()).toBe(expected);
  });

  test('shortens only texts that are too long', () => {
    expect(shorten('pullover', 6)).toBe('pullo…');
    expect(shorten('coat', 6)).toBe('coat');
    expect(shorten('pullover', 8)).toBe('pullover');
  });
});

test('a plain table aligns its columns and has no borders or trailing spaces', () => {
  const table = plainTable(['left', 'right', 'left']);
  table.push(['layer', 'rank', ''], ['linear1', '2', 'dense']);
  expect(tableText(table)).toBe('layer    rank\nlinear1     2  dense');
});

describe('values of files in messages', () => {
  test.each([
    ['"F33"', () => quote('F33')],
    ['[1,2]', () => quote([1, 2])],
    ['undefined', () => quote(undefined)],
    ['null', () => quote(null)],
    ['NaN', () => quote(Number.NaN)],
    ['1', () => quote(1n)],
    ['"a\\u001b[2Jb\\u009b\\u202e\\n"', () => quote('a\u001b[2Jb\u009b\u202e\n')],
    ['{"a\\u009b":1}', () => quote({ 'a\u009b': 1 })],
    ['layer\\u001b[31m\\u000a', () => printable('layer\u001b[31m\n')],
    ['größe 層', () => printable('größe 層')],
    ['', () => listNames([])],
    ['a, b\\u0007', () => listNames(['a', 'b\u0007'])],
    ['a, b, c, d, e, f, g, h', () => listNames([...'abcdefgh'])],
    ['a, b, c, d, e, f, g, h and 1 more', () => listNames([...'abcdefghi'])],
    ['a, b, c, d, e, f, g, h and 2 more', () => listNames([...'abcdefghij'])],
  ])('%s', (expected, format) => {
    expect(format()).toBe(expected);
  });

  test('are shortened', () => {
    const long = 'A'.repeat(1_000_000);
    expect(quote(long)).toBe(`"${'A'.repeat(99)}…"`);
    expect(quote({ long }).length).toBe(100);
    expect(printable(long).length).toBe(100);
    expect(listNames(Array.from({ length: 100 }, () => long)).length).toBeLessThan(900);
  });
});

import { describe, expect, test } from 'vitest';
import {
  formatCount,
  formatNumber,
  formatPercent,
  formatPoints,
  formatPValue,
  formatSigned,
  plainTable,
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

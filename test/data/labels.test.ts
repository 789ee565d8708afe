import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { parseLabels } from '../../src/mnist-data-loader/index.ts';

describe('parseLabels', () => {
  test('gives the labels in ascending order', () => {
    expect(parseLabels('9,2, 3,5,8', 10)).toEqual([2, 3, 5, 8, 9]);
    expect(parseLabels('46', 47)).toEqual([46]);
  });

  test.each([
    ['10', '--digits 10: there is no label 10; give labels from 0 to 9, separated by commas'],
    ['2,2', '--digits 2,2: 2 is there twice; name each once'],
    ['', '--digits: is empty; give labels from 0 to 9, separated by commas'],
    ['1,,2', "--digits 1,,2: '' is no label"],
    ['1.5', "--digits 1.5: '1.5' is no label"],
    ['-1', "--digits -1: '-1' is no label"],
    ['1e0', "--digits 1e0: '1e0' is no label"],
    ['two', "--digits two: 'two' is no label"],
  ])("refuses '%s' and says what is allowed", (text, message) => {
    expect(() => parseLabels(text, 10)).toThrowError(UsageError);
    expect(() => parseLabels(text, 10)).toThrowError(message);
  });
});

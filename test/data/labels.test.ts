import { describe, expect, test } from 'vitest';
import { defaultClassNames, parseLabels, requireClasses, requireLabels } from '../../src/data/index.ts';
import { DataError, UsageError } from '../../src/errors.ts';

describe('parseLabels', () => {
  test('returns the labels in ascending order', () => {
    expect(parseLabels('9,2, 3,5,8', 10)).toEqual([2, 3, 5, 8, 9]);
    expect(parseLabels('46', 47)).toEqual([46]);
    expect(parseLabels('255')).toEqual([255]);
  });

  test.each([
    ['2-5', [2, 3, 4, 5]],
    ['2 3', [2, 3]],
    [' 7  2, 3 ', [2, 3, 7]],
    ['0,2-4', [0, 2, 3, 4]],
    ['8 – 9 , 0', [0, 8, 9]],
    ['2 -4', [2, 3, 4]],
    ['2- 4', [2, 3, 4]],
    ['4-4', [4]],
  ])("reads '%s'", (text, labels) => {
    expect(parseLabels(text, 10)).toEqual(labels);
  });

  test.each([
    [
      '10',
      "labels '10': 10 is not one of the 10 classes; list labels from 0 to 9, separated by commas, or ranges such as 2-5",
    ],
    ['2,2', "labels '2,2': 2 is listed twice; list each label once"],
    ['', "labels '': the list is empty; list labels from 0 to 9, separated by commas, or ranges such as 2-5"],
    [' \t', "labels ' \t': the list is empty"],
    ['1,,2', "labels '1,,2': '' is not a label"],
    ['1.5', "labels '1.5': '1.5' is not a label"],
    ['5-2', "labels '5-2': the range 5-2 is reversed; write 2-5"],
    ['2-4,3', "labels '2-4,3': 3 is listed twice; list each label once"],
    ['2 2', "labels '2 2': 2 is listed twice"],
    ['8-10', "labels '8-10': 10 is not one of the 10 classes"],
    ['0-999999999', '999999999 is not one of the 10 classes'],
    ['2-', "'2-' is not a label"],
    ['1-2-3', "'1-2-3' is not a label"],
    ['-1', "labels '-1': '-1' is not a label"],
    ['1e0', "labels '1e0': '1e0' is not a label"],
    ['two', "labels 'two': 'two' is not a label"],
  ])("rejects '%s' and lists what is allowed", (text, message) => {
    expect(() => parseLabels(text, 10)).toThrowError(UsageError);
    expect(() => parseLabels(text, 10)).toThrowError(message);
  });
});

describe('requireLabels', () => {
  test('accepts whole numbers below the number of classes', () => {
    requireLabels(Uint8Array.of(0, 1, 2), 3);
    requireLabels(Float32Array.of(0, 1, 2), 3);
  });

  test.each([3, -1, 0.5, Number.NaN])('rejects label %d of 3 classes with its row', (label) => {
    expect(() => requireLabels([0, label], 3, 'x')).toThrowError(DataError);
    expect(() => requireLabels([0, label], 3, 'x')).toThrowError(
      `x: label ${label} in row 1 is outside the 3 classes (0 to 2)`,
    );
  });
});

test.each([[[3]], [[0, -1]], [[0.5]]])('requireClasses rejects labels %j of 3 classes', (labels) => {
  requireClasses([0, 2], 3);
  expect(() => requireClasses(labels, 3)).toThrowError(UsageError);
  expect(() => requireClasses(labels, 3)).toThrowError('not one of the 3 classes, 0 to 2');
});

test('classes without names are called by their number', () => {
  expect(defaultClassNames(3)).toEqual(['0', '1', '2']);
});

import { expect, test } from 'vitest';
import { checkFunction, checkList, checkObject, checkText } from '../src/arguments.ts';
import { UsageError } from '../src/errors.ts';

const named = () => 1;
const checks = {
  checkObject: { check: checkObject, what: 'an object', accepted: [{}, { rank: 1 }, new Map()] },
  checkList: { check: checkList, what: 'a list', accepted: [[], [1]] },
  checkText: { check: checkText, what: 'a string', accepted: ['', 'a'] },
  checkFunction: { check: checkFunction, what: 'a function', accepted: [named, Array, undefined] },
};

/** What an error calls a value. */
const values: readonly (readonly [value: unknown, text: string])[] = [
  [null, 'null'],
  [undefined, 'undefined'],
  [3, '3'],
  [true, 'true'],
  ['path', "'path'"],
  ['x'.repeat(50), `'${'x'.repeat(40)}'`],
  [[1], 'a list'],
  [named, 'a function'],
  [{ a: 1 }, 'an object'],
];

test.each(Object.entries(checks))('%s accepts such values and rejects others, with the value', (_, kind) => {
  const { check, what, accepted } = kind;
  for (const value of accepted) expect(() => check('option', value)).not.toThrow();
  const same = accepted.map((value) => [typeof value, Array.isArray(value)].join());
  for (const [value, text] of values) {
    if (value !== null && same.includes([typeof value, Array.isArray(value)].join())) continue;
    const call = () => check('option', value);
    expect(call).toThrow(UsageError);
    expect(call).toThrow(`option: must be ${what} (${text})`);
  }
});

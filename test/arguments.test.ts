import { expect, test } from 'vitest';
import {
  type ArgumentKind,
  checkArgument,
  checkFields,
  checkFunction,
  checkList,
  checkObject,
  checkOptions,
  checkText,
} from '../src/arguments.ts';
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

test.each<[ArgumentKind, accepted: readonly unknown[], wrong: readonly (readonly [unknown, string])[]]>([
  ['number', [0, Number.NaN], [['3', "size: must be a number ('3')"]]],
  ['boolean', [true, false], [[1, 'size: must be true or false (1)']]],
  ['bytes', [new Uint8Array(2), Buffer.from('a')], [[[1], 'size: must be a Uint8Array (a list)']]],
  ['map', [new Map()], [[{}, 'size: must be a Map (an object)']]],
  [
    'numbers',
    [[], [1, 2], Float32Array.of(1), { length: 0 }],
    [
      [[1, '2'], "size[1]: must be a number ('2')"],
      ['12', "size: must be a list of numbers ('12')"],
    ],
  ],
  ['strings', [[], ['a']], [[['a', undefined], 'size[1]: must be a string (undefined)']]],
  [
    'bytes?',
    [undefined, new Uint8Array(2)],
    [[new Map(), 'size: must be a Uint8Array (an object of class Map)']],
  ],
])('an argument of kind %s', (kind, accepted, wrong) => {
  for (const value of accepted) expect(() => checkArgument('size', value, kind)).not.toThrow();
  for (const [value, message] of wrong)
    expect(() => checkArgument('size', value, kind)).toThrow(new UsageError('invalid-argument', message));
});

test('fields are named with their object, options by themselves', () => {
  const image = { width: 3, height: '4' };
  const fields = { width: 'number', height: 'number' } as const;
  expect(() => checkFields('image', image, fields)).toThrow("image.height: must be a number ('4')");
  expect(() => checkOptions(image, fields)).toThrow(/^height: must be a number/);
  expect(() => checkOptions<object>([], {})).toThrow('options: must be an object (a list)');
});

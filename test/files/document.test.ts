import { expect, test } from 'vitest';
import { z } from 'zod';
import { CheckpointError } from '../../src/errors.ts';
import { checkDocument } from '../../src/files/index.ts';

const schema = z.object({ format: z.literal('a kind'), formatVersion: z.int(), steps: z.int().min(1) });
const check = (content: unknown) =>
  checkDocument('x.json', content, schema, { format: 'a kind', version: 2, name: 'a document' });

test('checkDocument returns documents of the newest and of older versions', () => {
  for (const formatVersion of [1, 2]) {
    const content = { format: 'a kind', formatVersion, steps: 3 };
    expect(check(content)).toEqual(content);
  }
});

test.each([
  ['another kind', { format: 'another', formatVersion: 1, steps: 3 }, 'x.json: not a document'],
  ['no object', null, 'x.json: not a document'],
  ['no content', undefined, 'x.json: not a document'],
  [
    'a newer version',
    { format: 'a kind', formatVersion: 3, steps: 3 },
    'x.json: format version 3 is too new (newest supported: 2); update tfjs-lora',
  ],
  [
    'a version that is not a number',
    { format: 'a kind', formatVersion: '3', steps: 3 },
    'x.json: formatVersion: must be a number ("3"); the file is damaged',
  ],
  [
    'an invalid field',
    { format: 'a kind', formatVersion: 2, steps: 0 },
    'x.json: steps: must be at least 1 (0); the file is damaged',
  ],
])('checkDocument rejects %s', (_, content, message) => {
  expect(() => check(content)).toThrow(CheckpointError);
  expect(() => check(content)).toThrow(message);
});

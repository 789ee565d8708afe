import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { firstFault } from '../../src/files/index.ts';

const schema = z.object({
  count: z.int().min(1).max(5).optional(),
  rate: z.number().positive().optional(),
  engine: z.enum(['eager', 'graph']).optional(),
  createdAt: z.iso.datetime().optional(),
  rule: z.union([z.enum(['adam']), z.looseObject({ kind: z.string() })]).optional(),
  names: z.array(z.string()).min(1).optional(),
  guard: z.strictObject({ patience: z.int().optional() }).optional(),
  search: z.union([z.boolean(), z.object({ maxDrop: z.number() })]).optional(),
  half: z.number().lt(1).optional(),
  name: z.string().min(1).optional(),
  pair: z.array(z.number()).min(2).optional(),
  even: z
    .int()
    .refine((value) => value % 2 === 0, 'be even')
    .optional(),
  table: z.record(z.string(), z.number()).optional(),
});

describe('firstFault', () => {
  test.each<[unknown, string]>([
    [{ count: 'x' }, 'count: must be a number ("x")'],
    [{ count: 0 }, 'count: must be at least 1 (0)'],
    [{ count: 9 }, 'count: must be at most 5 (9)'],
    [{ rate: 0 }, 'rate: must be above 0 (0)'],
    [{ rate: Number.NaN }, 'rate: must be a number (NaN)'],
    [{ half: 1 }, 'half: must be below 1 (1)'],
    [{ name: '' }, 'name: must have at least 1 characters ("")'],
    [{ pair: [1] }, 'pair: must have at least 2 entries ([1])'],
    [{ even: 3 }, 'even: must be even (3)'],
    [{ guard: null }, 'guard: must be an object (null)'],
    [{ engine: 5 }, 'engine: must be one of eager, graph (5)'],
    [{ createdAt: 'now' }, 'createdAt: must be a date and time as in ISO 8601 ("now")'],
    [{ rule: 7 }, 'rule: must be adam or be an object (7)'],
    [{ rule: { kind: 1 } }, 'rule.kind: must be text (1)'],
    [{ rule: {} }, 'rule.kind: missing'],
    [{ names: [] }, 'names: must have at least 1 entry ([])'],
    [{ names: ['a', 2] }, 'names.1: must be text (2)'],
    [{ guard: { 'patience\n': 1 } }, 'guard.patience\\n: unknown'],
    [{ search: 'all' }, 'search: must be true or false or be an object ("all")'],
    [{ table: { linear1: {} } }, 'table.linear1: must be a number ({})'],
    [7, 'content: must be an object (7)'],
    [undefined, 'content: missing'],
  ])('of %j is: %s', (content, message) => {
    expect(firstFault(schema.safeParse(content).error!, content)).toBe(message);
  });

  test('names an unknown key at the top', () => {
    const strict = z.strictObject({ a: z.number() });
    expect(firstFault(strict.safeParse({ a: 1, b: 2 }).error!, { a: 1, b: 2 })).toBe('b: unknown');
  });

  test('shortens long values', () => {
    const content = { engine: 'x'.repeat(1e6), names: [] };
    expect(firstFault(schema.safeParse(content).error!, content).length).toBeLessThan(160);
  });
});

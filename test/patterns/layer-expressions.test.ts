import { describe, expect, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import { LayerExpressions } from '../../src/patterns/index.ts';
import fixture from '../fixtures/peft/expressions.json' with { type: 'json' };

const { names, cases } = fixture;

/** What Python's `re` has and RE2 has not. */
const UNSUPPORTED =
  /lookaheads|lookbehinds|backreferences|possessive|atomic groups|conditions|named characters/;

describe('matches as Python does:', () => {
  test.each(cases)('$expression', ({ expression, whole, end, part }) => {
    for (const [method, expected] of [
      ['matchesWhole', whole],
      ['matchesEnd', end],
      ['matchesPart', part],
    ] as const) {
      const expressions = new LayerExpressions(names);
      for (const [index, name] of names.entries()) {
        let actual: string | undefined;
        try {
          actual = expressions[method](expression, name) ? '1' : '0';
        } catch (error) {
          expect(error).toBeInstanceOf(UsageError);
          const { message } = error as Error;
          expect(message).toMatch(/^regular expression ".*": \S/s);
          // Only these may be refused although Python accepts them.
          if (expected !== null && !UNSUPPORTED.test(message)) {
            expect(message).toMatch(/which is not ASCII$/);
            expect(name).toMatch(/[^ -~]/);
          }
          continue;
        }
        expect(`${method} ${name}: ${actual}`).toBe(`${method} ${name}: ${expected?.[index]}`);
      }
    }
  });
});

test('names what is not supported', () => {
  const error = (expression: string) => {
    try {
      new LayerExpressions(['a']).matchesEnd(expression, 'a');
    } catch (reason) {
      return (reason as Error).message;
    }
    return undefined;
  };
  expect(error('(?!b).*')).toBe('regular expression "(?!b).*": lookaheads (?!...) are not supported');
  expect(error('(a)\\1')).toBe('regular expression "(a)\\\\1": backreferences \\1 are not supported');
  expect(error('a++')).toBe('regular expression "a++": possessive quantifiers are not supported');
  expect(error('(?i)a')).toBe('regular expression "(?i)a": flags (?i) are not at the start; write (?i:...)');
  expect(error('(')).toMatch(/^regular expression "\(": /);
  expect(error(`(${'x'.repeat(200_000)})`)).toMatch(
    /^regular expression "\(x{98}…": longer than 100000 characters$/,
  );
});

test('expressions that backtrack take linear time, or are rejected', () => {
  const path = `${'a'.repeat(41)}b`;
  const expressions = new LayerExpressions([path]);
  expect(expressions.matchesWhole('(a+)+$', path)).toBe(false);
  expect(expressions.matchesWhole('(.*a){20}.*c', path)).toBe(false);
  expect(expressions.matchesEnd('x'.repeat(100_000), path)).toBe(false);
  expect(() => expressions.matchesEnd('x'.repeat(10_000_000), path)).toThrow(/longer than/);
  expect(() => expressions.matchesWhole('((a{100}){100}){100}', path)).toThrow(/invalid repeat count/);
  const many = new LayerExpressions(Array.from({ length: 1000 }, (_, index) => `${'a'.repeat(100)}${index}`));
  const states = Array.from({ length: 20 }, (_, index) => `(a|b)*a(a|b){${900 + index}}`).join('|');
  expect(() => many.matchesWhole(states, path)).toThrow(
    /too complex for the number of layers; list their names/,
  );
});

test('lists of names of any length match', () => {
  const paths = Array.from({ length: 5000 }, (_, index) => `model.layers.${index}.attn`);
  const expression = paths.map((path) => path.replaceAll('.', '\\.')).join('|');
  const expressions = new LayerExpressions(paths);
  expect(expressions.matchesWhole(expression, 'model.layers.4999.attn')).toBe(true);
  expect(expressions.matchesWhole(expression, 'model.layers.4999xattn')).toBe(false);
});

import fc from 'fast-check';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { expect, test } from 'vitest';
import { below, createRandom, permutation } from '../src/random.ts';

test('below draws the same numbers as uniformInt of pure-rand, also after skipping numbers', () => {
  const bounds = fc.oneof(fc.integer({ min: 1, max: 100_000 }), fc.integer({ min: 1, max: 2 ** 32 - 1 }));
  fc.assert(
    fc.property(fc.integer(), bounds, (seed, bound) => {
      const [own, library] = [xoroshiro128plus(seed), xoroshiro128plus(seed)];
      for (let draw = 0; draw < 20; draw++) {
        expect(below(own, bound)).toBe(uniformInt(library, 0, bound - 1));
      }
    }),
  );
});

test('a permutation contains every number once, in the same order for the same seed and key', () => {
  const order = permutation(1000, createRandom(3, 1));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  expect(permutation(1000, createRandom(3, 1))).toEqual(order);
  expect(permutation(1000, createRandom(3, 2))).not.toEqual(order);
  expect([...permutation(10, createRandom(0))]).toEqual([1, 7, 3, 2, 6, 0, 4, 5, 8, 9]);
});

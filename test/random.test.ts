import fc from 'fast-check';
import { uniformInt } from 'pure-rand/distribution/uniformInt';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';
import { describe, expect, test } from 'vitest';
import { below, createRandom, permutation } from '../src/random.ts';

fc.configureGlobal({ seed: 1 });

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

test('below draws again if a number belongs to an incomplete part of the range', () => {
  const drawn = (...numbers: number[]) => {
    const generator = { next: () => numbers.shift()! - 2 ** 31 };
    return below(generator, 3 * 2 ** 30);
  };
  expect(drawn(3 * 2 ** 30 - 1, 7)).toBe(3 * 2 ** 30 - 1);
  expect(drawn(3 * 2 ** 30, 2 ** 32 - 1, 7)).toBe(7);
});

test('a permutation contains every number once, in the same order for the same seed and key', () => {
  const order = permutation(1000, createRandom(3, 1));
  expect([...order].sort((a, b) => a - b)).toEqual(Array.from({ length: 1000 }, (_, index) => index));
  expect(permutation(1000, createRandom(3, 1))).toEqual(order);
  expect(permutation(1000, createRandom(3, 2))).not.toEqual(order);
  expect([...permutation(10, createRandom(0))]).toEqual([1, 7, 3, 2, 6, 0, 4, 5, 8, 9]);
});

describe('createRandom', () => {
  // From a second implementation in Python: xoroshiro128+ in 64-bit integers, seeded by MurmurHash3's finaliser.
  test.each([
    [[0], [0.9976533055305481, 0.13428384065628052, 0.36933737993240356, 0.7201823592185974]],
    [
      [7, 3],
      [0.8707166910171509, 0.28128135204315186, 0.07492780685424805, 0.6284992694854736],
    ],
    [
      [-1, 2, 16],
      [0.0775725245475769, 0.6352185010910034, 0.06552910804748535, 0.651085615158081],
    ],
  ])('draws the same uniform numbers for the seed and keys %j on every platform', (keys, expected) => {
    const [seed, ...others] = keys as [number, ...number[]];
    const random = createRandom(seed, ...others);
    expect(expected.map(() => random.uniform())).toEqual(expected);
  });

  test('uses the low 32 bits of a seed', () => {
    expect(createRandom(2 ** 32 + 7, 3).uniform()).toBe(createRandom(7, 3).uniform());
  });

  test('draws normal numbers by the Box-Muller transform', () => {
    const random = createRandom(7, 3);
    for (const expected of [-0.3950088120580296, -0.27287326965909753, -0.5341003338456661])
      expect(random.normal()).toBeCloseTo(expected, 14);
  });

  test('draws normal numbers with the moments and quantiles of the standard normal distribution', () => {
    const random = createRandom(0);
    const numbers = Array.from({ length: 100_000 }, () => random.normal());
    const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length;
    // Within four standard errors of 0, 1, 3 and 0.6827.
    expect(Math.abs(mean(numbers))).toBeLessThan(0.0127);
    expect(Math.abs(mean(numbers.map((value) => value ** 2)) - 1)).toBeLessThan(0.018);
    expect(Math.abs(mean(numbers.map((value) => value ** 4)) - 3)).toBeLessThan(0.124);
    expect(Math.abs(mean(numbers.map((value) => (Math.abs(value) < 1 ? 1 : 0))) - 0.6827)).toBeLessThan(
      0.0059,
    );
  });
});

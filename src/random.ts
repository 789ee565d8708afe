import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of pseudo-random numbers: the same seed gives the same numbers on every platform. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** Uniform integer in [0, bound), bound >= 1. */
  below(bound: number): number;
}

/**
 * Starts a stream. Further keys (an epoch, a layer's position) name independent streams under one seed.
 *
 * @param seed integer; only its low 32 bits count
 */
export function createRandom(seed: number, ...keys: number[]): Random {
  const generator = xoroshiro128plus(keys.reduce(mixSeed, mixSeed(0x5eed, seed)));
  const uniform = () => uniformFloat32(generator);
  return {
    uniform,
    normal: () => Math.sqrt(-2 * Math.log(1 - uniform())) * Math.cos(2 * Math.PI * uniform()),
    below: (bound) => below(generator, bound),
  };
}

const TWO_31 = 2 ** 31;
const TWO_32 = 2 ** 32;

/**
 * The number that pure-rand's `uniformInt` draws: drawn numbers that would make some results likelier are left out.
 * Orders of rows are drawn while a training waits, and the remainder of doubles that `uniformInt` takes is slow.
 */
export function below(generator: { next(): number }, bound: number): number {
  let drawn = generator.next() + TWO_31;
  if (drawn >= TWO_32 - bound) {
    const end = Math.floor(TWO_32 / bound) * bound;
    while (drawn >= end) drawn = generator.next() + TWO_31;
  }
  return drawn - Math.floor(drawn / bound) * bound;
}

/** The numbers 0 .. count - 1 in random order (Fisher-Yates). */
export function permutation(count: number, random: Random): Int32Array {
  const order = new Int32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  for (let last = count - 1; last > 0; last--) {
    const other = random.below(last + 1);
    const held = order[last]!;
    order[last] = order[other]!;
    order[other] = held;
  }
  return order;
}

/** MurmurHash3's finaliser over both words, so that seeds 0, 1, 2 do not start neighbouring streams. */
function mixSeed(state: number, value: number): number {
  let hash = (state ^ Math.imul(value | 0, 0x9e3779b1)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

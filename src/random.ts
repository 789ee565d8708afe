import { uniformFloat32 } from 'pure-rand/distribution/uniformFloat32';
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus';

/** A stream of pseudo-random numbers. The same seed and keys give the same numbers on every platform. */
export interface Random {
  /** Uniform in [0, 1). */
  uniform(): number;
  /** Standard normal (Box-Muller). */
  normal(): number;
  /** Uniform integer in [0, bound), bound >= 1. */
  below(bound: number): number;
}

/**
 * The streams of a seed. The number is the last of the keys that `createRandom` gets after the seed, so that two of these
 * uses never draw the same numbers. A new use takes an unused number below 16. Changing a number changes what a seed
 * gives. The comments show all keys.
 *
 * Other random numbers:
 *
 * - Initial weights of DigitsNet, and of LoRA's A and B: (layer index). With equal seeds, both start with the same
 *   numbers; they are scaled differently for most initializations.
 * - Dropout and noise layers: a hash of seed, step and element, see `training/random-ops/uniform.ts`.
 * - Start of the subspace iteration for large kernels, and inputs of `verify` for models without images: seed 0, whatever
 *   the user's seed is.
 */
export const STREAMS = {
  /** Order of the rows to train on: (epoch, order). */
  order: 0,
  /** Order of the rows to replay: (epoch, replay). */
  replay: 1,
  /** Division into training and validation rows: (label, split). */
  split: 2,
  /** Draw of a subset: (label, subset). */
  subset: 3,
  /** Draw of configurations from the grid of a sweep, whose seed is used for nothing else: (sweep). */
  sweep: 4,
  /** Values that are kept when adapters are combined with DARE: (layer index, dare). */
  dare: 5,
  /** Order of the rows of one class in adaptive replay: (epoch, adaptiveReplay + label); takes all numbers from 16. */
  adaptiveReplay: 16,
} as const;

/**
 * Starts a stream of random numbers (xoroshiro128+).
 *
 * @param seed integer; only its low 32 bits are used
 * @param keys integers (an epoch, a layer's index, a number of `STREAMS`) that select one of the independent streams of
 *   a seed
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
 * Draws the same number as pure-rand's `uniformInt(generator, 0, bound - 1)`, by rejection sampling, but five times as
 * fast: `uniformInt` computes the remainder of doubles, and training waits while an order of rows is drawn.
 */
export function below(generator: { next(): number }, bound: number): number {
  let drawn = generator.next() + TWO_31;
  if (drawn >= TWO_32 - bound) {
    const end = Math.floor(TWO_32 / bound) * bound;
    while (drawn >= end) drawn = generator.next() + TWO_31;
  }
  return drawn - Math.floor(drawn / bound) * bound;
}

/** The numbers 0 .. count - 1 in random order. */
export function permutation(count: number, random: Random): Int32Array {
  const order = new Int32Array(count);
  for (let index = 0; index < count; index++) order[index] = index;
  return shuffle(order, random);
}

/** Puts values into random order, in place (Fisher-Yates), and returns them. */
export function shuffle(values: Int32Array, random: Random): Int32Array {
  for (let last = values.length - 1; last > 0; last--) {
    const swapped = random.below(last + 1);
    const value = values[last]!;
    values[last] = values[swapped]!;
    values[swapped] = value;
  }
  return values;
}

/** MurmurHash3's finaliser over both words, so that neighbouring seeds give unrelated streams. */
function mixSeed(state: number, value: number): number {
  let hash = (state ^ Math.imul(value | 0, 0x9e3779b1)) >>> 0;
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

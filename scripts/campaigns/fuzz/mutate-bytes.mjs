// Damages of bytes and of text. Each takes the bytes of a valid file and a random stream, and returns damaged bytes.

/** @typedef {import('../../../dist/random.js').Random} Random */
/** @typedef {(bytes: Buffer, random: Random) => Buffer} Damage */

const BOUNDARY_BYTES = [0, 1, 0x7f, 0x80, 0xfe, 0xff];
const BOUNDARY_INTEGERS = [
  0n,
  1n,
  2n,
  255n,
  256n,
  65535n,
  65536n,
  100_000_001n,
  2n ** 31n - 1n,
  2n ** 31n,
  2n ** 32n - 1n,
  2n ** 53n,
  2n ** 63n,
  2n ** 64n - 1n,
];
/** Texts in place of a number. */
const BOUNDARY_NUMBERS = [
  '0',
  '-0',
  '-1',
  '1',
  '0.5',
  '1e-320',
  '1e308',
  '1e999',
  '-1e999',
  '2147483648',
  '4294967296',
  '9007199254740993',
  '1'.repeat(400),
  'NaN',
  'null',
  '""',
  '010',
  '1_000',
];

/** @type {Readonly<Record<string, Damage>>} */
const DAMAGES = {
  'bit flip': (bytes, random) => change(bytes, random, (byte) => byte ^ (1 << random.below(8))),
  'boundary byte': (bytes, random) => change(bytes, random, () => pick(BOUNDARY_BYTES, random) ?? 0),
  truncation: (bytes, random) => bytes.subarray(0, random.below(Math.max(1, bytes.length))),
  'extra end': (bytes, random) => Buffer.concat([bytes, randomBytes(1 + random.below(64), random)]),
  'duplicated range': (bytes, random) => {
    const [begin, end] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, end), bytes.subarray(begin)]);
  },
  'deleted range': (bytes, random) => {
    const [begin, end] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, begin), bytes.subarray(end)]);
  },
  'swapped ranges': (bytes, random) => {
    const cuts = [0, 0, 0].map(() => random.below(bytes.length + 1)).sort((a, b) => a - b);
    const [first = 0, second = 0, third = 0] = cuts;
    return Buffer.concat([
      bytes.subarray(0, first),
      bytes.subarray(second, third),
      bytes.subarray(first, second),
      bytes.subarray(third),
    ]);
  },
  'zeroed range': (bytes, random) => {
    const [begin, end] = range(bytes, random);
    return Buffer.from(bytes).fill(0, begin, end);
  },
  'random range': (bytes, random) => {
    const [begin, end] = range(bytes, random);
    return Buffer.concat([bytes.subarray(0, begin), randomBytes(end - begin, random), bytes.subarray(end)]);
  },
  'boundary integer': (bytes, random) => writeInteger(bytes, random.below(bytes.length + 1) & ~3, random),
  'size lie': (bytes, random) => writeInteger(bytes, 4 * random.below(8), random),
  'number replaced': (bytes, random) => {
    const numbers = [...bytes.toString('latin1').matchAll(/-?\d+(\.\d+)?([eE][-+]?\d+)?/g)];
    const number = pick(numbers, random);
    if (!number) return bytes.subarray(0, random.below(Math.max(1, bytes.length)));
    const replaced = Buffer.from(pick(BOUNDARY_NUMBERS, random) ?? '');
    const after = number.index + number[0].length;
    return Buffer.concat([bytes.subarray(0, number.index), replaced, bytes.subarray(after)]);
  },
};

/** Damages of lines. */
const LINE_DAMAGES = /** @type {const} */ (['deleted line', 'duplicated line', 'swapped lines', 'long line']);

/**
 * @param {Buffer} bytes
 * @param {Random} random
 * @returns {{ bytes: Buffer, title: string }}
 */
export function damageBytes(bytes, random) {
  const title = pick(Object.keys(DAMAGES), random) ?? 'truncation';
  return { title, bytes: /** @type {Damage} */ (DAMAGES[title])(bytes, random) };
}

/**
 * @param {Buffer} bytes
 * @param {Random} random
 * @returns {{ bytes: Buffer, title: string }}
 */
export function damageLines(bytes, random) {
  const title = pick(LINE_DAMAGES, random) ?? 'deleted line';
  const lines = bytes.toString().split('\n');
  const [first, second] = [random.below(lines.length), random.below(lines.length)];
  const line = lines[first] ?? '';
  if (title === 'deleted line') lines.splice(first, 1);
  else if (title === 'duplicated line') lines.splice(second, 0, line);
  else if (title === 'long line') lines.splice(first, 0, pick(HOSTILE_TEXTS, random)?.repeat(3) ?? '');
  else [lines[first], lines[second]] = [lines[second] ?? '', line];
  return { title, bytes: Buffer.from(lines.join('\n')) };
}

/** Texts that a program may show, use as a path, or compile. */
export const HOSTILE_TEXTS = [
  '',
  ' ',
  '\u001b[31mred\u0007\u009b2J',
  'a\nb\r\nc',
  '\u0000',
  '\u202egnp.exe',
  '\ud800',
  'ü💥',
  'x'.repeat(100_000),
  '../../outside',
  '/dev/zero',
  '/proc/self/environ',
  '(a+)+$',
  '(((((((((((a*)*)*)*)*)*)*)*)*)*)*)b',
  '(?P<name>x)\\Z',
  '[',
  '__proto__',
  'constructor',
  'toString',
  'NaN',
  '-1',
  '1e999',
];

/**
 * @template T
 * @param {readonly T[]} items
 * @param {Random} random
 */
export function pick(items, random) {
  return items[random.below(Math.max(1, items.length))];
}

/**
 * @param {number} length
 * @param {Random} random
 */
function randomBytes(length, random) {
  return Buffer.from(Array.from({ length }, () => random.below(256)));
}

/**
 * @param {Buffer} bytes
 * @param {Random} random
 * @param {(byte: number) => number} changed
 */
function change(bytes, random, changed) {
  const copy = Buffer.from(bytes);
  if (copy.length === 0) return copy;
  // Half of the changes hit the first bytes, where most formats have their header.
  const index = random.below(random.below(2) === 0 ? copy.length : Math.min(copy.length, 64));
  copy[index] = changed(copy[index] ?? 0);
  return copy;
}

/**
 * @param {Buffer} bytes
 * @param {Random} random
 */
function range(bytes, random) {
  const begin = random.below(bytes.length + 1);
  const longest = random.below(2) === 0 ? 16 : bytes.length;
  const end = begin + random.below(Math.min(longest, bytes.length - begin) + 1);
  return /** @type {const} */ ([begin, end]);
}

/**
 * Writes a boundary value as an integer of 2, 4 or 8 bytes.
 *
 * @param {Buffer} bytes
 * @param {number} offset
 * @param {Random} random
 */
function writeInteger(bytes, offset, random) {
  const size = pick([2, 4, 8], random) ?? 4;
  const encoded = Buffer.alloc(8);
  const value = BigInt.asUintN(8 * size, pick(BOUNDARY_INTEGERS, random) ?? 0n);
  if (random.below(2) === 0) encoded.writeBigUInt64LE(value);
  else encoded.writeBigUInt64BE(value << BigInt(64 - 8 * size));
  const copy = Buffer.from(bytes);
  encoded.copy(copy, Math.min(offset, Math.max(0, copy.length - size)), 0, size);
  return copy;
}

import { DataError } from '../errors.ts';

/**
 * An array of unsigned bytes in the IDX format of the MNIST files (described at the end of Yann LeCun's MNIST
 * page): two zero bytes, a type code, the number of dimensions, one big-endian uint32 for each dimension, then the
 * values, row-major.
 */
export interface IdxArray {
  /** Sizes, slowest first; `[]` for a single value. */
  readonly shape: readonly number[];
  /** `product(shape)` values. */
  readonly values: Uint8Array;
}

const UNSIGNED_BYTE = 0x08;
const OTHER_TYPES: Readonly<Record<number, string>> = {
  9: 'signed bytes',
  11: '16-bit integers',
  12: '32-bit integers',
  13: '32-bit floats',
  14: '64-bit floats',
};

/** What comes before the values. */
export interface IdxHeader {
  readonly shape: readonly number[];
  /** Where the values begin. */
  readonly offset: number;
  /** Header and values together. */
  readonly sizeBytes: number;
}

/**
 * Reads an array from the bytes of an uncompressed IDX file. `values` is a plain view of `bytes`, not a copy.
 *
 * @param name what messages call the bytes, usually the file's path
 * @throws DataError when the bytes are not exactly one array of unsigned bytes
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const { shape, offset, sizeBytes } = parseHeader(bytes, name);
  checkSize(sizeBytes, bytes.length, name);
  return { shape, values: new Uint8Array(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset) };
}

/** The bytes of an IDX file. */
export function encodeIdx({ shape, values }: IdxArray): Uint8Array {
  const count = product(shape);
  if (count !== values.length) {
    throw new RangeError(`shape [${shape}] takes ${count} values, there are ${values.length}`);
  }
  const header = encodeIdxHeader(shape);
  const bytes = new Uint8Array(header.length + values.length);
  bytes.set(header);
  bytes.set(values, header.length);
  return bytes;
}

/** The bytes before the values. */
export function encodeIdxHeader(shape: readonly number[]): Uint8Array {
  if (shape.length > 255 || shape.some((size) => size > 0xffffffff)) {
    throw new RangeError(`IDX cannot hold shape [${shape}]`);
  }
  const header = new Uint8Array(4 + 4 * shape.length);
  const view = new DataView(header.buffer);
  header.set([0, 0, UNSIGNED_BYTE, shape.length]);
  for (const [axis, size] of shape.entries()) view.setUint32(4 + 4 * axis, size);
  return header;
}

/**
 * What the first bytes of an IDX file say.
 *
 * @throws DataError when they are no header of unsigned bytes
 */
export function parseHeader(bytes: Uint8Array, name: string): IdxHeader {
  if (bytes.length === 0) throw new DataError('invalid-data', `${name}: is empty; fetch it again`);
  const rank = bytes[3];
  if (rank === undefined) throw headerCut(name, bytes.length, 4);
  const type = bytes[2]!;
  if (bytes[0] !== 0 || bytes[1] !== 0) {
    const magic = Buffer.from(bytes.subarray(0, 4)).toString('hex');
    throw new DataError(
      'invalid-data',
      `${name}: is no IDX file: begins with ${magic}, not with 0000; give an IDX file`,
    );
  }
  if (type !== UNSIGNED_BYTE) {
    const found = OTHER_TYPES[type] ?? `an unknown type (0x${type.toString(16).padStart(2, '0')})`;
    throw new DataError(
      'invalid-data',
      `${name}: holds ${found}; only unsigned bytes (0x08) are read: convert it`,
    );
  }
  const offset = 4 + 4 * rank;
  if (bytes.length < offset) throw headerCut(name, bytes.length, offset);
  const view = new DataView(bytes.buffer, bytes.byteOffset, offset);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { shape, offset, sizeBytes: offset + product(shape) };
}

function headerCut(name: string, actual: number, needed: number): DataError {
  return new DataError(
    'invalid-data',
    `${name}: is cut short within its header (${actual} of ${needed} bytes); fetch it again`,
  );
}

function checkSize(expected: number, actual: number, name: string): void {
  if (actual === expected) return;
  const what = actual < expected ? 'is cut short' : 'goes on after its values';
  throw new DataError(
    'invalid-data',
    `${name}: ${what}: its header promises ${amount(expected)} bytes, there are ${amount(actual)}; fetch it again`,
  );
}

/** Sizes are below 2^32 each; a product beyond 2^53 is rounded, and still far above any file. */
function product(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((total, size) => total * size, 1);
}

/** A number of bytes, all digits of it, as messages show it. */
export function amount(bytes: number): string {
  return bytes.toLocaleString('en-US', { maximumSignificantDigits: 16 });
}

import { createHash } from 'node:crypto';
import { open } from 'node:fs/promises';
import { createGunzip, gunzipSync, gzipSync, constants as zlib } from 'node:zlib';
import { alignedBytes } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { fileKind, withFileErrors, writeFileAtomic } from '../files/index.ts';

/**
 * An array of unsigned bytes in the IDX format of the MNIST files: two zero bytes, a type code, the number of
 * dimensions, the size of each dimension as big-endian uint32, then the values, row-major. (The format is described at
 * the end of Yann LeCun's MNIST page.)
 */
export interface IdxArray {
  /** Sizes of the dimensions, slowest first; `[]` for a single value. */
  readonly shape: readonly number[];
  /** Values, row-major, as many as the shape holds. */
  readonly values: Uint8Array;
}

interface IdxHeader {
  readonly shape: readonly number[];
  /** Position of the first value. */
  readonly offset: number;
  /** Size of header and values together. */
  readonly sizeBytes: number;
}

/** Largest content that is read, in bytes: an array in Node and a tensor cannot be much larger. */
export const MAX_IDX_BYTES = 2 ** 30;

/** Size of the header of images, an array of three dimensions. */
const IMAGES_HEADER_BYTES = 16;

const UNSIGNED_BYTE = 0x08;
const INT32 = 0x0c;

type OnPart = (part: Uint8Array) => void;
type ValueBytes = Readonly<Record<number, number>>;
const BYTES_ONLY: ValueBytes = { [UNSIGNED_BYTE]: 1 };
const WITH_INTEGERS: ValueBytes = { [UNSIGNED_BYTE]: 1, [INT32]: 4 };

const OTHER_TYPES: Readonly<Record<number, string>> = {
  9: 'signed bytes',
  11: '16-bit integers',
  12: '32-bit integers',
  13: '32-bit floats',
  14: '64-bit floats',
};

/** The largest IDX header, 1024 bytes, fits into this many compressed bytes. They unpack to 8 MiB at most. */
const GZIP_START_BYTES = 8192;
/** Bytes read at a time, while the bytes before them are hashed. */
const READ_BYTES = 2 ** 22;
/** Deflate makes data at most 1032 times smaller (zlib's technical details). */
const MAX_GZIP_RATIO = 1032;

/**
 * Reads an IDX file, raw or compressed with gzip; its first bytes decide which. Memory is not allocated by the header's
 * word: a raw file must have exactly the size that its header states, and a compressed file is not unpacked beyond it.
 *
 * @throws DataError if the file cannot be read or is not exactly one array of unsigned bytes
 */
export async function readIdx(path: string): Promise<IdxArray> {
  return parseIdx(await readUncompressed(path), path);
}

/** An array with the SHA-256 of its uncompressed IDX file. */
export interface HashedIdxArray extends IdxArray {
  readonly sha256: string;
}

/** Like `readIdx`. Hashes each part of the file while the next one is read or unpacked. */
export async function readHashedIdx(path: string): Promise<HashedIdxArray> {
  const hash = createHash('sha256');
  const bytes = await readUncompressed(path, BYTES_ONLY, (part) => hash.update(part));
  return { ...parseIdx(bytes, path), sha256: hash.digest('hex') };
}

/**
 * Reads an IDX file of labels: bytes [count], or the 32-bit integers [count, columns] of QMNIST, whose first column is the
 * label.
 *
 * @throws DataError as `readIdx`, or if a label is outside 0..255
 */
export async function readIdxLabels(path: string): Promise<IdxArray> {
  const bytes = await readUncompressed(path, WITH_INTEGERS);
  if (bytes[2] !== INT32) return parseIdx(bytes, path);
  const header = parseHeader(bytes, path, WITH_INTEGERS);
  requireExactSize(bytes, header, path);
  const [count = 0, columns = 1] = header.shape;
  if (header.shape.length !== 2 || columns === 0) {
    throw invalid(path, `has shape [${header.shape.join(', ')}], QMNIST's labels [count, columns]`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset + header.offset);
  const labels = Array.from({ length: count }, (_, row) => view.getInt32(4 * columns * row));
  const row = labels.findIndex((label) => label < 0 || label > 255);
  if (row >= 0) throw invalid(path, `label ${labels[row]} in row ${row} is outside 0 to 255`);
  return { shape: [count], values: Uint8Array.from(labels) };
}

/**
 * Writes an IDX file, compressed if the path ends in `.gz`.
 *
 * @throws DataError if it cannot be written; no partial file is left behind
 */
export async function writeIdx(path: string, array: IdxArray): Promise<void> {
  const bytes = encodeIdx(array);
  const stored = path.endsWith('.gz') ? gzipSync(bytes) : bytes;
  await withFileErrors(DataError, path, 'written', () => writeFileAtomic(path, stored));
}

/**
 * Parses the bytes of an uncompressed IDX file. `values` is a view of `bytes`, not a copy.
 *
 * @param name of the file, for messages
 * @throws DataError if the bytes are not exactly one array of unsigned bytes
 */
export function parseIdx(bytes: Uint8Array, name: string): IdxArray {
  const header = parseHeader(bytes, name);
  requireExactSize(bytes, header, name);
  const { shape, offset } = header;
  return { shape, values: new Uint8Array(bytes.buffer, bytes.byteOffset + offset, bytes.length - offset) };
}

/**
 * Returns the bytes of an uncompressed IDX file.
 *
 * @throws RangeError if the shape does not fit the values or the format
 */
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

/** Returns the bytes of an IDX file that come before the values. */
export function encodeIdxHeader(shape: readonly number[]): Uint8Array {
  if (shape.length > 255 || shape.some((size) => size > 0xffffffff)) {
    throw new RangeError(`IDX cannot store shape [${shape}]`);
  }
  const header = new Uint8Array(4 + 4 * shape.length);
  const view = new DataView(header.buffer);
  header.set([0, 0, UNSIGNED_BYTE, shape.length]);
  for (const [axis, size] of shape.entries()) view.setUint32(4 + 4 * axis, size);
  return header;
}

function requireExactSize(bytes: Uint8Array, { sizeBytes }: IdxHeader, name: string): void {
  if (bytes.length < sizeBytes) throw invalid(name, `file is truncated (${sizesOf(sizeBytes, bytes)})`);
  if (bytes.length > sizeBytes)
    throw invalid(name, `data after the last value (${sizesOf(sizeBytes, bytes)})`);
}

/** @param valueBytes size of a value of each type that may be read, by type code */
function parseHeader(bytes: Uint8Array, name: string, valueBytes: ValueBytes = BYTES_ONLY): IdxHeader {
  if (bytes.length === 0) throw invalid(name, 'file is empty');
  if (bytes.length < 4) throw invalid(name, `header is truncated (${bytes.length} of 4 bytes)`);
  const type = bytes[2]!;
  const rank = bytes[3]!;
  const kind = fileKind(bytes);
  if (kind || bytes[0] !== 0 || bytes[1] !== 0) {
    const magic = Buffer.from(bytes.subarray(0, 4)).toString('hex');
    const outcome = kind ? ` but ${kind.name}; ${kind.advice}` : '; use an IDX file';
    throw new DataError('invalid-data', `${name}: not an IDX file (magic ${magic})${outcome}`);
  }
  const size = valueBytes[type];
  if (size === undefined) {
    const typeName = OTHER_TYPES[type] ?? `an unknown type (0x${type.toString(16).padStart(2, '0')})`;
    throw new DataError(
      'invalid-data',
      `${name}: values are ${typeName}; only unsigned bytes (0x08) are supported, so convert the file`,
    );
  }
  const offset = 4 + 4 * rank;
  if (bytes.length < offset) throw invalid(name, `header is truncated (${bytes.length} of ${offset} bytes)`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, offset);
  const shape = Array.from({ length: rank }, (_, axis) => view.getUint32(4 + 4 * axis));
  return { shape, offset, sizeBytes: offset + size * product(shape) };
}

/** @param onPart called with the uncompressed parts of the file, in order */
async function readUncompressed(
  path: string,
  valueBytes: ValueBytes = BYTES_ONLY,
  onPart?: OnPart,
): Promise<Uint8Array> {
  const stored = await readWithLimit(path, onPart);
  return isGzip(stored) ? await decompress(stored, { path, valueBytes, onPart }) : stored;
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/** @param onPart called with the parts of the file, in order, unless it is compressed */
async function readWithLimit(path: string, onPart?: OnPart): Promise<Uint8Array> {
  return await withFileErrors(DataError, path, 'read', async () => {
    const file = await open(path);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw new DataError('invalid-data', `${path}: not a file; name an IDX file`);
      if (stats.size > MAX_IDX_BYTES) throw tooLarge(path, stats.size);
      const bytes = alignedBytes(stats.size, IMAGES_HEADER_BYTES);
      const readAt = (start: number) => file.read(bytes, start, Math.min(READ_BYTES, bytes.length - start));
      let length = 0;
      let next: ReturnType<typeof readAt> | undefined;
      while (length < bytes.length) {
        const { bytesRead } = await (next ?? readAt(length));
        if (bytesRead === 0) break; // the file was truncated meanwhile
        const part = bytes.subarray(length, length + bytesRead);
        length += bytesRead;
        next = length < bytes.length ? readAt(length) : undefined;
        if (!isGzip(bytes)) onPart?.(part);
      }
      return bytes.subarray(0, length);
    } finally {
      await file.close();
    }
  });
}

async function decompress(
  stored: Uint8Array,
  {
    path,
    valueBytes,
    onPart,
  }: { readonly path: string; readonly valueBytes: ValueBytes; readonly onPart?: OnPart },
): Promise<Uint8Array> {
  const { sizeBytes } = parseHeader(decompressStart(stored, path), path, valueBytes);
  if (sizeBytes > MAX_IDX_BYTES) throw tooLarge(path, sizeBytes);
  const mostBytes = stored.length * MAX_GZIP_RATIO;
  if (sizeBytes > mostBytes) {
    const sizes = `the header states ${formatBytes(sizeBytes)} bytes, there are at most ${formatBytes(mostBytes)}`;
    throw invalid(path, `file is truncated (${sizes})`);
  }
  const bytes = alignedBytes(sizeBytes, IMAGES_HEADER_BYTES); // zlib's own buffers for all output would take as much again
  let length = 0;
  try {
    for await (const chunk of gunzipChunks(stored)) {
      if (length + chunk.length > sizeBytes) {
        throw invalid(path, `data after the last value (the header states ${formatBytes(sizeBytes)} bytes)`);
      }
      bytes.set(chunk, length);
      length += chunk.length;
      onPart?.(chunk);
    }
  } catch (error) {
    throw error instanceof DataError ? error : damagedGzip(path, error);
  }
  return bytes.subarray(0, length);
}

function gunzipChunks(stored: Uint8Array): AsyncIterable<Uint8Array> {
  const stream = createGunzip({ chunkSize: 2 ** 20 });
  stream.end(stored);
  return stream;
}

function decompressStart(stored: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(stored.subarray(0, GZIP_START_BYTES), { finishFlush: zlib.Z_SYNC_FLUSH });
  } catch (error) {
    throw damagedGzip(path, error);
  }
}

function damagedGzip(path: string, cause: unknown): DataError {
  return invalid(path, `damaged gzip data (${(cause as Error).message})`, cause);
}

function tooLarge(path: string, sizeBytes: number): DataError {
  return new DataError(
    'invalid-data',
    `${path}: too large (${formatBytes(sizeBytes)} bytes, limit ${formatBytes(MAX_IDX_BYTES)}); split it`,
  );
}

/** An error of a file that was probably damaged when it was downloaded. */
function invalid(name: string, problem: string, cause?: unknown): DataError {
  return new DataError('invalid-data', `${name}: ${problem}; download it again`, { cause });
}

function sizesOf(expectedBytes: number, { length }: Uint8Array): string {
  return `the header states ${formatBytes(expectedBytes)} bytes, there are ${formatBytes(length)}`;
}

/** Sizes are below 2^32 each; a product above 2^53 is rounded, but still far larger than any file. */
function product(shape: readonly number[]): number {
  return shape.includes(0) ? 0 : shape.reduce((total, size) => total * size, 1);
}

/** All digits, with thousands separators. */
function formatBytes(bytes: number): string {
  return bytes.toLocaleString('en-US', { maximumSignificantDigits: 16 });
}

import { CheckpointError } from '../errors.ts';
import { bitsOf, DATA_TYPES, type DataType, isDataType } from './data-type.ts';
import { findDuplicateKey } from './json-keys.ts';

/** Bytes of JSON that the format allows. */
export const MAX_HEADER_BYTES = 100_000_000;

/** Where a tensor lies in the data that follows the header; `end` is exclusive, both in bytes. */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** What a header says of the data behind it. */
export interface Header {
  /** In the order of their data, which they cover without gap or overlap. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Parts of a dotted name that would reach an object's prototype once somebody makes objects of names. */
const UNSAFE_PARTS = new Set(['__proto__', 'constructor', 'prototype']);

/** The header's length from the first 8 bytes of a file (uint64, little-endian), checked against the file's size. */
export function parseHeaderLength(source: string, start: Uint8Array, fileBytes: number): number {
  if (start.length < 8) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: holds ${start.length} bytes, a safetensors file at least 8; it is cut short`,
    );
  }
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: header of ${length} bytes exceeds the format's ${MAX_HEADER_BYTES}; it is no safetensors file or damaged`,
    );
  }
  if (Number(length) > fileBytes - 8) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: header promises ${length} bytes, the file holds ${fileBytes - 8} more; it is cut short`,
    );
  }
  return Number(length);
}

/**
 * Parses and checks the JSON of a header.
 *
 * @param dataBytes size of what follows the header
 * @throws CheckpointError naming the source, the tensor and the bound
 */
export function parseHeader(source: string, bytes: Uint8Array, dataBytes: number): Header {
  const content = parseJson(source, bytes);
  const metadata = parseMetadata(source, content.__metadata__);
  const entries = Object.entries(content)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(source, name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const fault = begin < covered ? 'overlaps the tensor before it' : 'leaves a gap before it';
      throw new CheckpointError(
        'invalid-checkpoint',
        `${source}: ${quote(name)} ${fault}: begins at byte ${begin}, not ${covered}; it is damaged`,
      );
    }
    covered = end;
  }
  if (covered !== dataBytes) {
    const fault = covered > dataBytes ? 'it is cut short' : 'bytes at its end belong to no tensor';
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: tensors need ${covered} bytes of data, the file holds ${dataBytes}; ${fault}`,
    );
  }
  return { entries, metadata };
}

/** Throws CheckpointError when a name could not be used safely or written as UTF-8. */
export function checkName(source: string, name: string): void {
  if (name.split('.').some((part) => UNSAFE_PARTS.has(part))) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: name ${quote(name)} would reach an object's prototype; it is refused`,
    );
  }
  if (/\p{Surrogate}/u.test(name)) {
    throw new CheckpointError('invalid-checkpoint', `${source}: name ${quote(name)} is not valid Unicode`);
  }
}

/** Bytes of a tensor; `undefined` when they are no whole or no exactly representable number. */
export function byteSize(dtype: DataType, shape: readonly number[]): number | undefined {
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const bytes = (elements * bitsOf(dtype)) / 8;
  return Number.isSafeInteger(elements * bitsOf(dtype)) && Number.isInteger(bytes) ? bytes : undefined;
}

function parseJson(source: string, bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw new CheckpointError('invalid-checkpoint', `${source}: header is not UTF-8; it is damaged`, {
      cause: error,
    });
  }
  if (!text.startsWith('{')) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: header does not begin with "{"; it is no safetensors file or damaged`,
    );
  }
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw new CheckpointError('invalid-checkpoint', `${source}: header is not JSON; it is damaged`, {
      cause: error,
    });
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined)
    throw new CheckpointError('invalid-checkpoint', `${source}: header has ${quote(duplicate)} twice`);
  return content;
}

function parseMetadata(source: string, value: unknown): ReadonlyMap<string, string> {
  if (value === undefined) return new Map();
  if (!isObject(value))
    throw new CheckpointError('invalid-checkpoint', `${source}: __metadata__ is not an object of strings`);
  for (const [key, entry] of Object.entries(value)) {
    checkName(source, key);
    if (typeof entry !== 'string') {
      throw new CheckpointError(
        'invalid-checkpoint',
        `${source}: __metadata__ ${quote(key)} is not a string`,
      );
    }
  }
  return new Map(Object.entries(value as Record<string, string>));
}

function parseEntry(source: string, name: string, value: unknown): TensorEntry {
  checkName(source, name);
  const fail = (fault: string) =>
    new CheckpointError('invalid-checkpoint', `${source}: ${quote(name)}: ${fault}`);
  if (!isObject(value)) throw fail('is not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDataType(dtype)) {
    throw fail(`has type ${JSON.stringify(dtype)}; known are ${DATA_TYPES.join(', ')}`);
  }
  if (!isSizes(shape)) throw fail(`has shape ${JSON.stringify(shape)}; it must list whole numbers from 0`);
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw fail(`has data_offsets ${JSON.stringify(offsets)}; they must be a begin and an end, in order`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = byteSize(dtype, shape);
  if (bytes === undefined) throw fail(`${dtype} of shape [${shape}] has no countable number of bytes`);
  if (bytes !== end - begin) {
    throw fail(`${dtype} of shape [${shape}] needs ${bytes} bytes, its offsets hold ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** A name as a message shows it: quoted, and cut when somebody made it endless. */
function quote(name: string): string {
  return JSON.stringify(name.length > 200 ? `${name.slice(0, 200)}…` : name);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

import { CheckpointError } from '../errors.ts';
import { quote } from '../text/index.ts';
import { byteSize, DATA_TYPES, type DataType, isDataType } from './data-type.ts';

/**
 * The longest header that is read or written, in bytes: about 150,000 tensors. The format allows 100,000,000, of which
 * parsing takes 2 GB of memory.
 */
export const MAX_HEADER_BYTES = 2 ** 24;

/** A tensor's place in the data after the header: bytes `begin` (inclusive) to `end` (exclusive). */
export interface TensorEntry {
  readonly name: string;
  readonly dtype: DataType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

/** The parsed header of a file. */
export interface Header {
  /** In the order of their data, which they cover without gaps or overlaps. */
  readonly entries: readonly TensorEntry[];
  readonly metadata: ReadonlyMap<string, string>;
}

/** Parts of dotted names that would modify an object's prototype if a caller used them as keys of nested objects. */
const UNSAFE_PARTS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Reads the length of the header in bytes from the start of a file: its first 8 bytes, as a little-endian uint64.
 *
 * @param source names the file in errors
 * @param fileBytes size of the whole file
 * @throws CheckpointError if the file is too short for the length or for the header, or the header is too long
 */
export function parseHeaderLength(source: string, start: Uint8Array, fileBytes: number): number {
  if (start.length < 8) {
    throw invalid(
      source,
      `truncated (${start.length} bytes, a safetensors file has at least 8); copy it again`,
    );
  }
  const length = new DataView(start.buffer, start.byteOffset, 8).getBigUint64(0, true);
  if (length > MAX_HEADER_BYTES) {
    throw invalid(
      source,
      `header of ${length} bytes exceeds the limit of ${MAX_HEADER_BYTES}; this is not a safetensors file, or it is damaged`,
    );
  }
  if (Number(length) > fileBytes - 8) {
    throw invalid(
      source,
      `truncated (header of ${length} bytes expected, ${fileBytes - 8} found); copy it again`,
    );
  }
  return Number(length);
}

/**
 * Parses and validates the JSON of a header.
 *
 * @param source names the file in errors
 * @param dataBytes size of the data after the header
 * @throws CheckpointError if the JSON is invalid, or its tensors do not cover the data exactly
 */
export function parseHeader(source: string, bytes: Uint8Array, dataBytes: number): Header {
  const content = parseJson(source, bytes);
  const metadata = parseMetadata(source, content.__metadata__);
  const entries = Object.entries(content)
    .filter(([name]) => name !== '__metadata__')
    .map(([name, value]) => parseEntry(source, name, value))
    .sort((a, b) => a.begin - b.begin || a.end - b.end);
  checkCoverage(source, entries, dataBytes);
  return { entries, metadata };
}

/** Throws CheckpointError if a name is unsafe as a key, or cannot be encoded as UTF-8. */
export function checkName(source: string, name: string): void {
  if (name.split('.').some((part) => UNSAFE_PARTS.has(part))) {
    throw invalid(source, `unsafe name ${quote(name)}: it could modify an object's prototype`);
  }
  if (/\p{Surrogate}/u.test(name)) throw invalid(source, `name ${quote(name)} is not valid Unicode`);
}

/** The error for a file that does not follow the format. */
export function invalid(source: string, problem: string, options?: ErrorOptions): CheckpointError {
  return new CheckpointError('invalid-checkpoint', `${source}: ${problem}`, options);
}

function parseJson(source: string, bytes: Uint8Array): Record<string, unknown> {
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (error) {
    throw invalid(source, 'header is not UTF-8; the file is damaged', { cause: error });
  }
  if (!text.startsWith('{')) {
    throw invalid(source, 'header does not start with "{"; this is not a safetensors file, or it is damaged');
  }
  let content: Record<string, unknown>;
  try {
    content = JSON.parse(text);
  } catch (error) {
    throw invalid(source, 'header is not valid JSON; the file is damaged', { cause: error });
  }
  const duplicate = findDuplicateKey(text);
  if (duplicate !== undefined) throw invalid(source, `duplicate key ${quote(duplicate)} in the header`);
  return content;
}

function parseMetadata(source: string, value: unknown): ReadonlyMap<string, string> {
  if (value === undefined) return new Map();
  if (!isObject(value)) throw invalid(source, '__metadata__ is not an object of strings');
  const metadata = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    checkName(source, key);
    if (typeof text !== 'string') throw invalid(source, `__metadata__ ${quote(key)} is not a string`);
    metadata.set(key, text);
  }
  return metadata;
}

function parseEntry(source: string, name: string, value: unknown): TensorEntry {
  checkName(source, name);
  const invalidEntry = (problem: string) => invalid(source, `${quote(name)}: ${problem}`);
  if (!isObject(value)) throw invalidEntry('not described by an object');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDataType(dtype)) {
    throw invalidEntry(`unknown type ${quote(dtype)}; expected one of ${DATA_TYPES.join(', ')}`);
  }
  if (!isSizes(shape)) {
    throw invalidEntry(`invalid shape ${quote(shape)}; expected a list of integers from 0`);
  }
  if (!isSizes(offsets) || offsets.length !== 2 || offsets[0]! > offsets[1]!) {
    throw invalidEntry(`invalid data_offsets ${quote(offsets)}; expected [begin, end]`);
  }
  const [begin, end] = offsets as [number, number];
  const bytes = byteSize(dtype, shape);
  if (bytes === undefined) {
    throw invalidEntry(`the size of ${dtype} ${quote(shape)} is too large or not a whole number of bytes`);
  }
  if (bytes !== end - begin) {
    throw invalidEntry(`${dtype} ${quote(shape)} needs ${bytes} bytes, its data_offsets span ${end - begin}`);
  }
  return { name, dtype, shape, begin, end };
}

/** Throws CheckpointError unless the entries, sorted by offset, cover `dataBytes` bytes without gaps or overlaps. */
function checkCoverage(source: string, entries: readonly TensorEntry[], dataBytes: number): void {
  let covered = 0;
  for (const { name, begin, end } of entries) {
    if (begin !== covered) {
      const problem = begin < covered ? 'overlaps the previous tensor' : 'leaves a gap before it';
      throw invalid(
        source,
        `${quote(name)} ${problem} (starts at byte ${begin}, expected ${covered}); the file is damaged`,
      );
    }
    covered = end;
  }
  if (covered > dataBytes) {
    throw invalid(
      source,
      `truncated (the tensors need ${covered} bytes of data, the file has ${dataBytes}); copy it again`,
    );
  }
  if (covered < dataBytes) {
    throw invalid(
      source,
      `the last ${dataBytes - covered} of ${dataBytes} bytes of data belong to no tensor; the file is damaged`,
    );
  }
}

/**
 * The first key that occurs twice in one object, which `JSON.parse` accepts silently. Loops over the characters,
 * because a regular expression overflows the stack on strings of millions of characters.
 *
 * @param text valid JSON
 */
function findDuplicateKey(text: string): string | undefined {
  const openObjects: Set<string>[] = [];
  for (let index = 0; index < text.length; index++) {
    const character = text[index];
    if (character === '{') openObjects.push(new Set());
    else if (character === '}') openObjects.pop();
    else if (character === '"') {
      const end = endOfString(text, index);
      if (isFollowedByColon(text, end)) {
        const key = JSON.parse(text.slice(index, end)) as string;
        const keys = openObjects.at(-1)!;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      index = end - 1;
    }
  }
  return undefined;
}

/** The index after the closing quote of the string that starts at `start`. */
function endOfString(text: string, start: number): number {
  let index = start + 1;
  while (text[index] !== '"') index += text[index] === '\\' ? 2 : 1;
  return index + 1;
}

function isFollowedByColon(text: string, index: number): boolean {
  let next = index;
  while (text[next] === ' ' || text[next] === '\n' || text[next] === '\r' || text[next] === '\t') next++;
  return text[next] === ':';
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isSizes(value: unknown): value is number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

import { checkArgument, checkFields, checkText } from '../arguments.ts';
import { printable, quote } from '../text/index.ts';
import { byteSize, DATA_TYPES, type DataType } from './data-type.ts';
import { checkForeign, MAGIC_BYTES } from './foreign.ts';
import {
  checkName,
  type Header,
  invalid,
  MAX_HEADER_BYTES,
  parseHeader,
  parseHeaderLength,
} from './header.ts';

/** A tensor as stored in a file. */
export interface SafeTensor {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  /** The elements as little-endian bytes, row-major. A view of the file's content if it was read from one. */
  readonly data: Uint8Array;
}

/**
 * Checks a tensor that a caller gives.
 *
 * @param name of the tensor, for the message
 * @throws UsageError naming the first part that is not as `SafeTensor` describes it
 */
export function requireTensor(name: string, tensor: SafeTensor): void {
  checkFields(name, tensor, { dtype: 'string', shape: 'numbers', data: 'bytes' });
}

/** The content of a file. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Parses the content of a safetensors file (github.com/huggingface/safetensors, "Format"). The tensors are views of
 * `bytes`, not copies.
 *
 * @param source names the content in errors
 * @returns tensors of any shape and dtype of the format, by name, in the order of their data
 * @throws UsageError if an argument is not what its type says
 * @throws CheckpointError if the content is truncated or does not follow the format
 * @example
 * const { tensors } = parseSafetensors('upload', bytes);
 * const weight = float32Values('linear.weight', tensors.get('linear.weight')!);
 */
export function parseSafetensors(source: string, bytes: Uint8Array): Safetensors {
  checkText('source', source);
  checkArgument('bytes', bytes, 'bytes');
  checkForeign(source, bytes.subarray(0, MAGIC_BYTES));
  const headerBytes = parseHeaderLength(source, bytes.subarray(0, 8), bytes.length);
  const data = bytes.subarray(8 + headerBytes);
  const header = parseHeader(source, bytes.subarray(8, 8 + headerBytes), data.length);
  return { metadata: header.metadata, tensors: tensorViews(header, data) };
}

/** The tensors of a header as views of the data that follows it. */
export function tensorViews({ entries }: Header, data: Uint8Array): ReadonlyMap<string, SafeTensor> {
  return new Map(
    entries.map(({ name, dtype, shape, begin, end }) => [
      name,
      { dtype, shape, data: data.subarray(begin, end) },
    ]),
  );
}

/**
 * Encodes tensors and metadata as a safetensors file, byte for byte as the reference implementation: wider dtypes
 * first, then by name, the header padded with spaces to a multiple of 8 bytes. Equal content gives equal bytes.
 *
 * @param source names the content in errors
 * @returns the parts of the file, in order; the tensors' bytes are not copied
 * @throws UsageError if an argument is not what its type says
 * @throws CheckpointError if a tensor's bytes do not fit its shape, a name is not allowed, or the header is too long
 * @example
 * const tensors = new Map([['bias', safeTensor(Float32Array.of(1, 2), [2])]]);
 * const file = Buffer.concat(serializeSafetensors('upload', { tensors, metadata: new Map() }));
 */
export function serializeSafetensors(source: string, content: Safetensors): Uint8Array[] {
  checkText('source', source);
  checkFields('content', content, { tensors: 'map', metadata: 'map' }, '');
  const { tensors, metadata } = content;
  for (const [name, tensor] of tensors) {
    checkText('name of a tensor', name);
    requireTensor(printable(name), tensor);
  }
  const sorted = [...tensors].sort(
    ([nameA, a], [nameB, b]) =>
      DATA_TYPES.indexOf(b.dtype) - DATA_TYPES.indexOf(a.dtype) || compareUtf8(nameA, nameB),
  );
  // The JSON is joined by hand: an object would move names like "10" to the front.
  const entries: string[] = [];
  if (metadata.size > 0) entries.push(`"__metadata__":${metadataJson(source, metadata)}`);
  let end = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    checkName(source, name);
    if (name === '__metadata__') throw invalid(source, `a tensor cannot be named ${quote(name)}`);
    if (data.length !== byteSize(dtype, shape)) {
      throw invalid(source, `${quote(name)}: ${data.length} bytes do not fit ${dtype} ${quote(shape)}`);
    }
    const begin = end;
    end += data.length;
    entries.push(`${json(name)}:${json({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  return [encodeHeader(source, `{${entries.join(',')}}`), ...sorted.map(([, { data }]) => data)];
}

/** Compares names by their UTF-8 bytes, as Rust does: JavaScript's own order differs above U+FFFF. */
function compareUtf8(a: string, b: string): number {
  const [bytesA, bytesB] = [new TextEncoder().encode(a), new TextEncoder().encode(b)];
  const index = bytesA.findIndex((byte, position) => byte !== bytesB[position]);
  return index < 0 ? bytesA.length - bytesB.length : bytesA[index]! - (bytesB[index] ?? -1);
}

function metadataJson(source: string, metadata: ReadonlyMap<string, string>): string {
  for (const [key, text] of metadata) {
    checkText('key of the metadata', key);
    checkText(`metadata ${printable(key)}`, text);
    checkName(source, key);
  }
  const sorted = [...metadata].sort(([a], [b]) => (a < b ? -1 : 1));
  return `{${sorted.map(([key, value]) => `${json(key)}:${json(value)}`).join(',')}}`;
}

/** The length of the header as a little-endian uint64, then the header. */
function encodeHeader(source: string, text: string): Uint8Array {
  const bytes = new TextEncoder().encode(text);
  const paddedLength = Math.ceil(bytes.length / 8) * 8;
  if (paddedLength > MAX_HEADER_BYTES) {
    throw invalid(
      source,
      `names and shapes need a header of ${paddedLength} bytes, the limit is ${MAX_HEADER_BYTES}`,
    );
  }
  const header = new Uint8Array(8 + paddedLength).fill(' '.charCodeAt(0));
  new DataView(header.buffer).setBigUint64(0, BigInt(paddedLength), true);
  header.set(bytes, 8);
  return header;
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

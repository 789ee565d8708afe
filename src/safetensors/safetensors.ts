import { CheckpointError } from '../errors.ts';
import { DATA_TYPES, type DataType } from './data-type.ts';
import { byteSize, checkName, MAX_HEADER_BYTES, parseHeader, parseHeaderLength } from './header.ts';

/** One tensor of a file. */
export interface SafeTensor {
  readonly dtype: DataType;
  readonly shape: readonly number[];
  /** Row-major little-endian values, `product(shape)` of them; a view where the tensor came from a file. */
  readonly data: Uint8Array;
}

/** The content of a file, by name. */
export interface Safetensors {
  readonly tensors: ReadonlyMap<string, SafeTensor>;
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads the content of a safetensors file (github.com/huggingface/safetensors, "Format"). Tensors are views of
 * `bytes`.
 *
 * @param source names the content in errors
 * @throws CheckpointError when anything about it is not as the format has it
 */
export function parseSafetensors(source: string, bytes: Uint8Array): Safetensors {
  const headerBytes = parseHeaderLength(source, bytes.subarray(0, 8), bytes.length);
  const data = bytes.subarray(8 + headerBytes);
  const header = parseHeader(source, bytes.subarray(8, 8 + headerBytes), data.length);
  return { metadata: header.metadata, tensors: tensorViews(header, data) };
}

/** Views of the data that follows a header. */
export function tensorViews(
  { entries }: ReturnType<typeof parseHeader>,
  data: Uint8Array,
): ReadonlyMap<string, SafeTensor> {
  return new Map(
    entries.map(({ name, dtype, shape, begin, end }) => [
      name,
      { dtype, shape, data: data.subarray(begin, end) },
    ]),
  );
}

/**
 * The pieces of a safetensors file, in order, as the reference implementation writes them: larger types first,
 * then by name, the header padded with spaces to a multiple of 8. Equal content gives equal bytes.
 *
 * @throws CheckpointError when a tensor's data does not fit its shape, or a name or the header is not allowed
 */
export function serializeSafetensors(source: string, content: Safetensors): Uint8Array[] {
  const sorted = [...content.tensors].sort(
    ([nameA, a], [nameB, b]) =>
      DATA_TYPES.indexOf(b.dtype) - DATA_TYPES.indexOf(a.dtype) ||
      Buffer.compare(Buffer.from(nameA), Buffer.from(nameB)),
  );
  const entries: string[] = [];
  if (content.metadata.size > 0) {
    for (const key of content.metadata.keys()) checkName(source, key);
    const pairs = [...content.metadata].sort(([a], [b]) => (a < b ? -1 : 1));
    entries.push(`"__metadata__":{${pairs.map((pair) => pair.map(json).join(':')).join(',')}}`);
  }
  let end = 0;
  for (const [name, { dtype, shape, data }] of sorted) {
    checkName(source, name);
    if (data.length !== byteSize(dtype, shape) || name === '__metadata__') {
      throw new CheckpointError(
        'invalid-checkpoint',
        `${source}: ${json(name)}: ${data.length} bytes do not make ${dtype} of shape [${shape}]`,
      );
    }
    const begin = end;
    end += data.length;
    entries.push(`${json(name)}:${json({ dtype, shape, data_offsets: [begin, end] })}`);
  }
  const text = Buffer.from(`{${entries.join(',')}}`);
  const header = Buffer.alloc(8 + Math.ceil(text.length / 8) * 8, ' ');
  if (header.length - 8 > MAX_HEADER_BYTES) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${source}: names and shapes need a header of ${header.length - 8} bytes, the format allows ${MAX_HEADER_BYTES}`,
    );
  }
  header.writeBigUInt64LE(BigInt(header.length - 8));
  text.copy(header, 8);
  return [header, ...sorted.map(([, { data }]) => data)];
}

function json(value: unknown): string {
  return JSON.stringify(value);
}

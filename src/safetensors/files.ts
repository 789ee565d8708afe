import { type FileHandle, open } from 'node:fs/promises';
import { checkText } from '../arguments.ts';
import { CheckpointError } from '../errors.ts';
import { withFileErrors, writeFileAtomic } from '../files/index.ts';
import { checkForeign, MAGIC_BYTES } from './foreign.ts';
import { invalid, parseHeader, parseHeaderLength } from './header.ts';
import { type Safetensors, serializeSafetensors, tensorViews } from './safetensors.ts';

/** Bytes per read call: reads of 2 GiB or more fail. */
const CHUNK_BYTES = 2 ** 30;

/**
 * Reads a safetensors file into one buffer; its tensors are views of that buffer. Memory for the data is only
 * allocated after the header was checked against the size of the file.
 *
 * @returns tensors of any shape and dtype of the format, by name, in the order of their data
 * @throws UsageError if `path` is not a string
 * @throws CheckpointError if the file cannot be read, is truncated or does not follow the format
 * @example
 * const { tensors, metadata } = await readSafetensors('model.safetensors');
 * tensors.get('linear.weight'); // { dtype: 'F32', shape: [10, 784], data: Uint8Array(31360) }
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  checkText('path', path);
  return await withFileErrors(CheckpointError, path, 'read', async () => {
    const file = await open(path);
    try {
      const stats = await file.stat();
      if (!stats.isFile()) throw invalid(path, 'not a file; give the path of a safetensors file');
      const { size } = stats;
      const start = await readBytes(path, file, 0, Math.min(MAGIC_BYTES, size));
      checkForeign(path, start);
      const headerBytes = parseHeaderLength(path, start.subarray(0, 8), size);
      const dataBytes = size - 8 - headerBytes;
      const header = parseHeader(path, await readBytes(path, file, 8, headerBytes), dataBytes);
      const data = await readBytes(path, file, 8 + headerBytes, dataBytes);
      return { metadata: header.metadata, tensors: tensorViews(header, data) };
    } finally {
      await file.close();
    }
  });
}

/**
 * Writes a safetensors file atomically: `path` holds the complete new file or what it held before. Equal content
 * gives equal bytes, the same as the reference implementation writes.
 *
 * @throws UsageError if an argument is not what its type says
 * @throws CheckpointError if the file cannot be written, a tensor's bytes do not fit its shape, or a name is not allowed
 * @example
 * const tensors = new Map([['bias', safeTensor(Float32Array.of(1, 2), [2])]]);
 * await writeSafetensors('model.safetensors', tensors, new Map([['format', 'pt']]));
 */
export async function writeSafetensors(
  path: string,
  tensors: Safetensors['tensors'],
  metadata: Safetensors['metadata'] = new Map(),
): Promise<void> {
  checkText('path', path);
  const bytes = Buffer.concat(serializeSafetensors(path, { tensors, metadata }));
  await withFileErrors(CheckpointError, path, 'written', () => writeFileAtomic(path, bytes));
}

async function readBytes(
  path: string,
  file: FileHandle,
  position: number,
  length: number,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  for (let offset = 0; offset < length; ) {
    const chunkBytes = Math.min(CHUNK_BYTES, length - offset);
    const { bytesRead } = await file.read(bytes, offset, chunkBytes, position + offset);
    if (bytesRead === 0) throw invalid(path, 'truncated while it was being read; read it again');
    offset += bytesRead;
  }
  return bytes;
}

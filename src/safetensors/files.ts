import { type FileHandle, open } from 'node:fs/promises';
import { CheckpointError } from '../errors.ts';
import { withFileErrors, writeFileAtomic } from '../files/index.ts';
import { parseHeader, parseHeaderLength } from './header.ts';
import { type Safetensors, serializeSafetensors, tensorViews } from './safetensors.ts';

/** Bytes asked of the system at once; calls of 2 GiB and more fail. */
const CHUNK_BYTES = 2 ** 30;

/**
 * Reads a safetensors file into one buffer, which its tensors are views of. Nothing is allocated before the
 * header is checked against the size of the file.
 *
 * @throws CheckpointError when the file cannot be read or anything about it is not as the format has it
 */
export async function readSafetensors(path: string): Promise<Safetensors> {
  return await withFileErrors(CheckpointError, path, 'read', async () => {
    const file = await open(path);
    try {
      const stats = await file.stat();
      if (!stats.isFile())
        throw new CheckpointError('invalid-checkpoint', `${path}: is not a file; name a safetensors file`);
      const { size } = stats;
      const start = await readBytes(path, file, 0, Math.min(8, size));
      const headerBytes = parseHeaderLength(path, start, size);
      const dataBytes = size - 8 - headerBytes;
      const header = parseHeader(path, await readBytes(path, file, 8, headerBytes), dataBytes);
      const data = await readBytes(path, file, 8 + headerBytes, dataBytes);
      return { metadata: header.metadata, tensors: tensorViews(header, data) };
    } finally {
      await file.close();
    }
  });
}

/** Writes a safetensors file whole or not at all. Equal content gives equal bytes. */
export async function writeSafetensors(
  path: string,
  tensors: Safetensors['tensors'],
  metadata: Safetensors['metadata'] = new Map(),
): Promise<void> {
  const bytes = Buffer.concat(serializeSafetensors(path, { tensors, metadata }));
  await withFileErrors(CheckpointError, path, 'written', () => writeFileAtomic(path, bytes));
}

async function readBytes(path: string, file: FileHandle, position: number, length: number) {
  const bytes = new Uint8Array(length);
  for (let done = 0; done < length; ) {
    const wanted = Math.min(CHUNK_BYTES, length - done);
    const { bytesRead } = await file.read(bytes, done, wanted, position + done);
    if (bytesRead === 0)
      throw new CheckpointError('invalid-checkpoint', `${path}: became shorter while it was read`);
    done += bytesRead;
  }
  return bytes;
}

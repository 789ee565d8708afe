import { open, readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip, gunzipSync, gzipSync, constants as zlib } from 'node:zlib';
import { DataError } from '../errors.ts';
import { withFileErrors, writeFileAtomic } from '../files/index.ts';
import { amount, encodeIdx, type IdxArray, parseHeader, parseIdx } from './idx.ts';

/** Largest content read, in bytes: what one array of a process or a tensor can hold is little above. */
export const MAX_IDX_BYTES = 2 ** 30;

/** Enough compressed bytes to hold any IDX header; at most a thousandfold comes out of them. */
const GZIP_START_BYTES = 8192;

/**
 * Reads an IDX file, raw or compressed with gzip (told by its first bytes, not its name). Nothing is allocated on
 * the header's word: a raw file must have the size that its header gives, a compressed one stops there.
 *
 * @throws DataError when the file cannot be read or is not exactly one array of unsigned bytes
 */
export async function readIdx(path: string): Promise<IdxArray> {
  const stored = await readBounded(path);
  return parseIdx(isGzip(stored) ? await decompress(stored, path) : stored, path);
}

/** Writes an IDX file, whole or not at all; compressed when the path ends in `.gz`. */
export async function writeIdx(path: string, array: IdxArray): Promise<void> {
  const bytes = encodeIdx(array);
  const stored = path.endsWith('.gz') ? gzipSync(bytes) : bytes;
  await withFileErrors(DataError, path, 'written', () => writeFileAtomic(path, stored));
}

function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

async function readBounded(path: string): Promise<Uint8Array> {
  return await withFileErrors(DataError, path, 'read', async () => {
    const file = await open(path);
    try {
      const stat = await file.stat();
      if (!stat.isFile()) throw new DataError('invalid-data', `${path}: is not a file; give an IDX file`);
      if (stat.size > MAX_IDX_BYTES) throw tooLarge(path, stat.size);
      return await readFile(file);
    } finally {
      await file.close();
    }
  });
}

async function decompress(stored: Uint8Array, path: string): Promise<Uint8Array> {
  const { sizeBytes } = parseHeader(decompressStart(stored, path), path);
  if (sizeBytes > MAX_IDX_BYTES) throw tooLarge(path, sizeBytes);
  try {
    return await promisify(gunzip)(stored, { maxOutputLength: sizeBytes, chunkSize: 2 ** 20 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ERR_BUFFER_TOO_LARGE') {
      throw new DataError(
        'invalid-data',
        `${path}: goes on after its values: its header promises ${amount(sizeBytes)} bytes, more come out; fetch it again`,
      );
    }
    throw new DataError('invalid-data', `${path}: its gzip data is damaged (${message}); fetch it again`, {
      cause: error,
    });
  }
}

function decompressStart(stored: Uint8Array, path: string): Uint8Array {
  try {
    return gunzipSync(stored.subarray(0, GZIP_START_BYTES), { finishFlush: zlib.Z_SYNC_FLUSH });
  } catch (error) {
    const { message } = error as Error;
    throw new DataError('invalid-data', `${path}: its gzip data is damaged (${message}); fetch it again`, {
      cause: error,
    });
  }
}

function tooLarge(path: string, sizeBytes: number): DataError {
  return new DataError(
    'invalid-data',
    `${path}: would take ${amount(sizeBytes)} bytes, the most read is ${amount(MAX_IDX_BYTES)}; split it`,
  );
}

import { closeSync, openSync, readSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { type FileErrorClass, toFileError, withFileErrors } from './file-errors.ts';

/** Bytes to read at first from what has no known size, such as a pipe. */
const CHUNK_BYTES = 2 ** 16;

/**
 * Reads a text file, as UTF-8 or as the byte order mark at its start says (UTF-8 or UTF-16, as PowerShell writes); the
 * mark is removed. Pipes and devices are read up to the limit.
 *
 * @param Kind class of the error
 * @param maxBytes larger files are rejected, because parsing them takes several times their size in memory
 * @throws Kind if the file cannot be read or is too large
 */
export async function readText(Kind: FileErrorClass, path: string, maxBytes: number): Promise<string> {
  return await withFileErrors(Kind, path, 'read', async () => {
    const file = await open(path);
    try {
      const { size } = await file.stat();
      if (size > maxBytes) throw tooLarge(Kind, path, maxBytes);
      let bytes = Buffer.alloc(Math.max(size + 1, CHUNK_BYTES));
      for (let length = 0; ; ) {
        const { bytesRead } = await file.read(bytes, length, bytes.length - length);
        if (bytesRead === 0) return decode(bytes.subarray(0, length));
        length += bytesRead;
        if (length > maxBytes) throw tooLarge(Kind, path, maxBytes);
        if (length === bytes.length) bytes = Buffer.concat([bytes], Math.min(2 * length, maxBytes + 1));
      }
    } finally {
      await file.close();
    }
  });
}

/** Like `readText`, for small files that are needed before anything else. */
export function readTextSync(Kind: FileErrorClass, path: string, maxBytes: number): string {
  try {
    const file = openSync(path, 'r');
    try {
      const bytes = Buffer.alloc(maxBytes + 1);
      for (let length = 0; ; ) {
        const bytesRead = readSync(file, bytes, length, bytes.length - length, null);
        if (bytesRead === 0) return decode(bytes.subarray(0, length));
        length += bytesRead;
        if (length > maxBytes) throw tooLarge(Kind, path, maxBytes);
      }
    } finally {
      closeSync(file);
    }
  } catch (error) {
    throw toFileError(Kind, path, 'read', error);
  }
}

function decode(bytes: Uint8Array): string {
  const [first, second] = bytes;
  const encoding =
    first === 0xff && second === 0xfe ? 'utf-16le' : first === 0xfe && second === 0xff ? 'utf-16be' : 'utf-8';
  return new TextDecoder(encoding).decode(bytes);
}

function tooLarge(Kind: FileErrorClass, path: string, maxBytes: number) {
  return new Kind(
    'file-unreadable',
    `${path}: cannot be read: the file is too large (limit ${maxBytes / 2 ** 20} MiB); check that it is the right file`,
  );
}

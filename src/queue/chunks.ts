import { createHash } from 'node:crypto';
import type { Connection } from './connection.ts';
import { InvalidDocument } from './documents.ts';

/** Bytes of one key. */
const CHUNK_BYTES = 2 ** 18;

/** Size and digest of stored bytes, which are known before they are read. */
export interface Described {
  readonly bytes: number;
  readonly sha256: string;
}

/** The SHA-256 of some bytes, as 64 hexadecimal digits. */
export function digestOf(content: Uint8Array): string {
  return createHash('sha256').update(content).digest('hex');
}

/** Stores bytes in chunks, `<key>:0`, `<key>:1` and so on. */
export async function storeChunks(
  { redis, expireSeconds }: Connection,
  key: string,
  content: Uint8Array,
): Promise<void> {
  for (const [index, start] of chunksOf(content.byteLength).entries()) {
    const chunk = Buffer.from(
      content.buffer,
      content.byteOffset + start,
      chunkBytes(content.byteLength, start),
    );
    await redis.set(`${key}:${index}`, chunk, 'EX', expireSeconds);
  }
}

/**
 * Reads bytes that `storeChunks` stored. At most `described.bytes` are requested, whatever the server has.
 *
 * @throws InvalidDocument if a chunk is missing or has another length, or the digest differs
 */
export async function readChunks(
  { redis, address }: Connection,
  key: string,
  { bytes, sha256 }: Described,
): Promise<Buffer> {
  const hash = createHash('sha256');
  const chunks: Buffer[] = [];
  for (const [index, start] of chunksOf(bytes).entries()) {
    const length = chunkBytes(bytes, start);
    // One byte more than expected shows that the chunk is too long.
    const chunk = await redis.getrangeBuffer(`${key}:${index}`, 0, length);
    if (chunk.byteLength !== length) {
      throw new InvalidDocument(`${address.name}: a part of a file is missing or has another length`);
    }
    hash.update(chunk);
    chunks.push(chunk);
  }
  if (hash.digest('hex') !== sha256) {
    throw new InvalidDocument(`${address.name}: a file has another content than its digest`);
  }
  return Buffer.concat(chunks);
}

/**
 * Sets the time to live of stored bytes.
 *
 * @returns whether all chunks are there
 */
export async function expireChunks(
  { redis, expireSeconds }: Connection,
  key: string,
  bytes: number,
): Promise<boolean> {
  const pipeline = redis.pipeline();
  for (const index of chunksOf(bytes).keys()) pipeline.expire(`${key}:${index}`, expireSeconds);
  const results = (await pipeline.exec()) ?? [];
  return results.every(([, exists]) => exists === 1);
}

/** The keys of stored bytes. */
export function chunkKeys(key: string, bytes: number): string[] {
  return [...chunksOf(bytes).keys()].map((index) => `${key}:${index}`);
}

/** Where the chunks of some bytes start. */
function chunksOf(bytes: number): number[] {
  return Array.from({ length: Math.ceil(bytes / CHUNK_BYTES) }, (_, index) => index * CHUNK_BYTES);
}

function chunkBytes(bytes: number, start: number): number {
  return Math.min(CHUNK_BYTES, bytes - start);
}

import { readFile, stat } from 'node:fs/promises';
import { PNG } from 'pngjs';
import { DataError } from '../errors.ts';
import { withFileErrors, writeFileAtomic } from '../files/index.ts';

/** A picture, four bytes (red, green, blue, alpha; not premultiplied) a pixel, row by row. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly data: Uint8Array;
}

const MAX_PIXELS = 2 ** 24;
/** A picture of `MAX_PIXELS` of any depth fits, with room for what programs add. */
const MAX_FILE_BYTES = 2 ** 28;
/** Interlaced data is unpacked before its size is known, at most a thousandfold. */
const MAX_INTERLACED_BYTES = 2 ** 19;
const SIGNATURE = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Signature, then the IHDR chunk: length, name, width, height, depth, colour, compression, filter, interlace. */
const START_BYTES = 29;

/** Whether the bytes begin as a PNG file does. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.equals(bytes.subarray(0, SIGNATURE.length));
}

/**
 * Reads a PNG of any colour type and depth.
 *
 * @param name what messages call the picture, usually its path
 * @throws DataError when the bytes are damaged, or promise a picture too large to look at
 */
export function parsePng(bytes: Uint8Array, name: string): Picture {
  if (!isPng(bytes) || bytes.length < START_BYTES)
    throw new DataError('invalid-data', `${name}: is no PNG picture; convert it`);
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width * height === 0)
    throw new DataError('invalid-data', `${name}: is ${width}x${height} pixels; draw something`);
  if (width * height > MAX_PIXELS) {
    throw new DataError(
      'invalid-data',
      `${name}: is ${width}x${height} pixels, the most read is ${MAX_PIXELS} pixels; make it smaller`,
    );
  }
  if (bytes[28] !== 0 && bytes.length > MAX_INTERLACED_BYTES) {
    throw new DataError(
      'invalid-data',
      `${name}: is interlaced and has ${bytes.length} bytes, the most read is ${MAX_INTERLACED_BYTES}; save it without interlacing`,
    );
  }
  try {
    return PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    throw new DataError(
      'invalid-data',
      `${name}: is a damaged PNG (${(error as Error).message}); save it again`,
      {
        cause: error,
      },
    );
  }
}

/** Reads a file that may be a picture; DataError when it cannot be read or is larger than any picture. */
export async function readBytes(path: string): Promise<Uint8Array> {
  return await withFileErrors(DataError, path, 'read', async () => {
    const found = await stat(path);
    if (!found.isFile()) throw new DataError('invalid-data', `${path}: is not a file; give a picture`);
    if (found.size > MAX_FILE_BYTES) {
      throw new DataError(
        'invalid-data',
        `${path}: has ${found.size} bytes, the most read is ${MAX_FILE_BYTES}; make it smaller`,
      );
    }
    return await readFile(path);
  });
}

/** Writes a PNG, whole or not at all; the same picture gives the same bytes. */
export async function writePng(path: string, picture: Picture): Promise<void> {
  await withFileErrors(DataError, path, 'written', () => writeFileAtomic(path, encodePng(picture)));
}

/** The bytes of a PNG file, without the transparency. */
export function encodePng({ width, height, data }: Picture): Uint8Array {
  const png = new PNG({ width, height });
  png.data = Buffer.from(data.buffer, data.byteOffset, data.length);
  return PNG.sync.write(png, { colorType: 2 });
}

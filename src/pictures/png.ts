import CRC32 from 'crc-32';
import { PNG } from 'pngjs';
import { DataError } from '../errors.ts';
import { fileKind } from '../files/index.ts';
import { imageDataFault } from './png-data.ts';

/** In pixels. */
export interface ImageSize {
  readonly height: number;
  readonly width: number;
}

/** A decoded picture: red, green, blue and alpha (not premultiplied) of each pixel, row-major [height, width, 4]. */
export interface Picture extends ImageSize {
  readonly data: Uint8Array;
}

const MAX_PIXELS = 2 ** 24;
/** pngjs takes minutes for millions of rows of one pixel. */
const MAX_SIDE = 2 ** 15;
/** Interlaced data is unpacked before its size is checked, to up to 1000 times as many bytes. */
const MAX_INTERLACED_BYTES = 2 ** 19;
const SIGNATURE = Buffer.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Signature, then the IHDR chunk: length, name, width, height, depth, colour, compression, filter, interlace, CRC. */
const HEADER_BYTES = 33;

/** Marks a PNG as an image of a data set, whose pixels are to be used without changes. Follows the IHDR chunk. */
const DATASET_IMAGE_CHUNK = textChunk('tfjs-lora', 'image of a data set');

/** Whether the bytes start with the PNG signature. */
export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.equals(bytes.subarray(0, SIGNATURE.length));
}

/**
 * Decodes a PNG of any colour type and depth.
 *
 * @param name of the picture, for messages; usually its path
 * @throws DataError if the bytes are not a PNG, are damaged, or hold more than 2^24 pixels
 */
export function parsePng(bytes: Uint8Array, name: string): Picture {
  const invalid = (problem: string, cause?: unknown) =>
    new DataError('invalid-data', `${name}: ${problem}`, { cause });
  if (!isPng(bytes)) throw notPng(bytes, name);
  if (bytes.length < HEADER_BYTES) {
    throw invalid(`not a PNG file (${bytes.length} bytes, a header takes ${HEADER_BYTES}); save it again`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  const [width, height] = [view.getUint32(16), view.getUint32(20)];
  if (width * height === 0) throw invalid(`the picture has no pixels (${width}x${height}); remove it`);
  if (width * height > MAX_PIXELS) {
    throw invalid(`too many pixels (${width}x${height}, limit ${MAX_PIXELS}); scale the picture down`);
  }
  if (Math.max(width, height) > MAX_SIDE) {
    throw invalid(`too wide or too tall (${width}x${height}, limit ${MAX_SIDE}); scale the picture down`);
  }
  const isInterlaced = bytes[28] !== 0;
  if (isInterlaced && bytes.length > MAX_INTERLACED_BYTES) {
    throw invalid(
      `interlaced PNG too large (${bytes.length} bytes, limit ${MAX_INTERLACED_BYTES}); save it without interlacing`,
    );
  }
  const fault = imageDataFault(bytes);
  if (fault !== undefined) throw invalid(`damaged PNG file (${fault}); save it again`);
  try {
    return PNG.sync.read(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
  } catch (error) {
    throw invalid(`damaged PNG file (${(error as Error).message}); save it again`, error);
  }
}

/** The error of a file that should be a PNG but is not: names its format, or its first bytes. */
export function notPng(bytes: Uint8Array, name: string): DataError {
  const kind = fileKind(bytes);
  if (kind) return new DataError('invalid-data', `${name}: not a PNG file but ${kind.name}; ${kind.advice}`);
  const magic = Buffer.from(bytes.subarray(0, 4)).toString('hex');
  const found = bytes.length === 0 ? 'it is empty' : `magic ${magic}`;
  return new DataError('invalid-data', `${name}: not a PNG file (${found}); save it as PNG`);
}

/**
 * Encodes a grey image as PNG, marked as an image of a data set, so that `imageFromPng` returns the same pixels.
 *
 * @param pixels 0..255 [height, width]
 */
export function encodeGreyPng(pixels: Uint8Array, { height, width }: ImageSize): Uint8Array {
  const png = new PNG({ width, height });
  png.data = Buffer.from(pixels.buffer, pixels.byteOffset, pixels.length);
  const bytes = PNG.sync.write(png, { colorType: 0, inputColorType: 0, inputHasAlpha: false });
  return Buffer.concat([bytes.subarray(0, HEADER_BYTES), DATASET_IMAGE_CHUNK, bytes.subarray(HEADER_BYTES)]);
}

/** Whether `encodeGreyPng` wrote the bytes. */
export function isDatasetImage(bytes: Uint8Array): boolean {
  return DATASET_IMAGE_CHUNK.equals(bytes.subarray(HEADER_BYTES, HEADER_BYTES + DATASET_IMAGE_CHUNK.length));
}

/** A `tEXt` chunk (PNG specification, section 11.3.3.2). */
function textChunk(keyword: string, text: string): Buffer {
  const body = Buffer.from(`tEXt${keyword}\0${text}`, 'latin1');
  const chunk = Buffer.alloc(4 + body.length + 4);
  chunk.writeUInt32BE(body.length - 4, 0);
  chunk.set(body, 4);
  chunk.writeInt32BE(CRC32.buf(body), 4 + body.length);
  return chunk;
}

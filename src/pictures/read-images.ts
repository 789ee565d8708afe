import { readFile, stat } from 'node:fs/promises';
import { adjustImages, type ImageAdjustment } from '../data/index.ts';
import { DataError, UsageError } from '../errors.ts';
import { fileKind, looksLikeIdx, withFileErrors } from '../files/index.ts';
import { readIdx } from '../mnist-data-loader/index.ts';
import { normalizeDigit } from './normalize.ts';
import { type ImageSize, isDatasetImage, isPng, notPng, parsePng } from './png.ts';

/** An input image of a model, and the file that it is from. */
export interface InputImage {
  readonly file: string;
  /** Row in an IDX file; absent for a picture. */
  readonly row?: number;
  /** Pixels 0..255 [height, width]. */
  readonly pixels: Uint8Array;
}

/** Options of `readImages` for IDX files. */
export interface ReadOptions {
  /** Which rows to read. Default: all. */
  readonly rows?: readonly number[];
  /** How the images are changed after reading. Default: not at all. */
  readonly adjust?: readonly ImageAdjustment[];
}

/** A PNG of 2^24 pixels fits at any depth, with room for metadata. */
const MAX_FILE_BYTES = 2 ** 28;

/**
 * Reads a PNG picture, or rows of an IDX file of images. The first bytes decide which it is.
 *
 * @param size of the images that the model takes
 * @throws DataError if the file is neither, cannot be read, or its images have another size
 * @throws UsageError if the file does not have one of the rows
 */
export async function readImages(
  file: string,
  size: ImageSize,
  { rows, adjust = [] }: ReadOptions = {},
): Promise<InputImage[]> {
  const bytes = await readBytes(file);
  if (isPng(bytes)) return [{ file, pixels: imageFromPng(bytes, size, file) }];
  const isGzip = bytes[0] === 0x1f && bytes[1] === 0x8b;
  const isNamedPng = file.toLowerCase().endsWith('.png');
  if (!isGzip && !looksLikeIdx(bytes) && (fileKind(bytes) || isNamedPng)) throw notPng(bytes, file);
  const { shape, values: stored } = await readIdx(file);
  const [count = 0, storedHeight = 0, storedWidth = 0] = shape;
  const set = { images: stored, count, height: storedHeight, width: storedWidth };
  const { images: values, height, width } = adjustImages(set, shape.length === 3 ? adjust : []);
  if (shape.length !== 3 || height !== size.height || width !== size.width) {
    throw new DataError(
      'invalid-data',
      `${file}: has shape [${shape.join(', ')}], the model takes images [count, ${size.height}, ${size.width}]; use an idx3 file of that size`,
    );
  }
  const outside = rows?.find((row) => row >= count);
  if (outside !== undefined) {
    throw new UsageError('invalid-argument', `${file}: no row ${outside}; rows are 0 to ${count - 1}`);
  }
  const pixels = height * width;
  return (rows ?? Array.from({ length: count }, (_, row) => row)).map((row) => ({
    file,
    row,
    pixels: values.subarray(row * pixels, (row + 1) * pixels),
  }));
}

/**
 * Converts a PNG to an image for a model. If `encodeGreyPng` wrote the PNG in the right size, its pixels are returned
 * unchanged; otherwise the picture is normalized by `normalizeDigit`.
 *
 * @param name of the picture, for messages
 * @returns pixels 0..255 [height, width]
 * @throws DataError if the PNG is damaged or empty
 */
export function imageFromPng(bytes: Uint8Array, size: ImageSize, name: string): Uint8Array {
  const picture = parsePng(bytes, name);
  const hasSize = picture.height === size.height && picture.width === size.width;
  if (!isDatasetImage(bytes) || !hasSize) return normalizeDigit(picture, size, name);
  // Red, green and blue of a grey picture are equal.
  return Uint8Array.from({ length: size.height * size.width }, (_, pixel) => picture.data[4 * pixel]!);
}

/** @throws DataError if the file cannot be read or is larger than any picture or IDX file that is supported */
export async function readBytes(path: string): Promise<Uint8Array> {
  return await withFileErrors(DataError, path, 'read', async () => {
    const stats = await stat(path);
    if (!stats.isFile()) throw new DataError('invalid-data', `${path}: not a file; name a picture`);
    if (stats.size > MAX_FILE_BYTES) {
      throw new DataError(
        'invalid-data',
        `${path}: too large (${stats.size} bytes, limit ${MAX_FILE_BYTES}); scale the picture down`,
      );
    }
    return await readFile(path);
  });
}

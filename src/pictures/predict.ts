import { DataError, UsageError } from '../errors.ts';
import { readIdx } from '../mnist-data-loader/index.ts';
import { isPng, parsePng, readBytes } from './png.ts';
import { type ImageSize, prepareDigit } from './prepare.ts';

/** Probabilities [count, classes] of `count` images, pixels 0..255 [count, height, width]. */
export type Classify = (images: Uint8Array, count: number) => Promise<Float32Array>;

/** An image ready to be classified, and where it is from. */
export interface PreparedImage {
  readonly file: string;
  /** Its row in an IDX file; absent for a picture. */
  readonly row?: number;
  /** What the model sees: pixels 0..255, [height, width]. */
  readonly pixels: Uint8Array;
}

/** What a model says about one image. */
export interface Prediction {
  readonly file: string;
  readonly row?: number;
  /** The class with the largest probability. */
  readonly label: number;
  /** Probability of each class, 0..1. */
  readonly probabilities: readonly number[];
}

const BATCH = 1000;

/**
 * Reads a PNG picture, or rows of an IDX file of images; told apart by their first bytes.
 *
 * @param rows which rows of an IDX file; all by default
 * @throws DataError when the file is neither, damaged, empty, or of another size than the model's
 * @throws UsageError for a row that is not in the file
 */
export async function readImages(
  file: string,
  size: ImageSize,
  rows?: readonly number[],
): Promise<PreparedImage[]> {
  const bytes = await readBytes(file);
  if (isPng(bytes)) return [{ file, pixels: prepareDigit(parsePng(bytes, file), size, file) }];
  const kind = otherKind(bytes);
  if (kind) throw new DataError('invalid-data', `${file}: is ${kind}; give PNG pictures or IDX files`);
  const { shape, values } = await readIdx(file);
  const [count = 0, height, width] = shape;
  if (shape.length !== 3 || height !== size.height || width !== size.width) {
    throw new DataError(
      'invalid-data',
      `${file}: holds [${shape.join(', ')}] values, the model takes images [count, ${size.height}, ${size.width}]; give such an idx3 file`,
    );
  }
  const outside = rows?.find((row) => row >= count);
  if (outside !== undefined) {
    throw new UsageError(
      'invalid-argument',
      `--rows ${outside}: ${file} has rows 0 to ${count - 1}; choose among them`,
    );
  }
  const pixels = height * width;
  return (rows ?? Array.from({ length: count }, (_, row) => row)).map((row) => ({
    file,
    row,
    pixels: values.subarray(row * pixels, (row + 1) * pixels),
  }));
}

/** Classifies the images in batches, in their order. */
export async function classifyImages(
  images: readonly PreparedImage[],
  classify: Classify,
): Promise<Prediction[]> {
  const predictions: Prediction[] = [];
  for (let start = 0; start < images.length; start += BATCH) {
    const batch = images.slice(start, start + BATCH);
    const pixels = batch[0]!.pixels.length;
    const values = new Uint8Array(batch.length * pixels);
    for (const [index, image] of batch.entries()) values.set(image.pixels, index * pixels);
    const probabilities = await classify(values, batch.length);
    const classes = probabilities.length / batch.length;
    for (const [index, { file, row }] of batch.entries()) {
      const own = [...probabilities.subarray(index * classes, (index + 1) * classes)];
      predictions.push({ file, row, label: own.indexOf(Math.max(...own)), probabilities: own });
    }
  }
  return predictions;
}

function otherKind(bytes: Uint8Array): string | undefined {
  const start = Buffer.from(bytes.subarray(0, 12)).toString('latin1');
  if (start.startsWith('\xff\xd8\xff')) return 'a JPEG picture';
  if (start.startsWith('GIF8')) return 'a GIF picture';
  if (start.startsWith('BM')) return 'a BMP picture';
  if (start.startsWith('RIFF') && start.endsWith('WEBP')) return 'a WebP picture';
  if (start.startsWith('%PDF')) return 'a PDF document';
  return undefined;
}

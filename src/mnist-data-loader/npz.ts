import type { Entry, ZipFile } from 'yauzl';
import { alignedBytes } from '../data/index.ts';
import { DataError } from '../errors.ts';
import { shorten } from '../text/index.ts';
import { type IdxArray, MAX_IDX_BYTES } from './idx.ts';
import type { LabelledArrays } from './mnist-files.ts';
import { parseNpy } from './npy.ts';

/** Names of the arrays: of Keras' mnist.npz, of MedMNIST, and of other files that are in use. */
const NAMES = {
  train: [
    ['x_train', 'y_train'],
    ['X_train', 'Y_train'],
    ['X_train', 'y_train'],
    ['train_images', 'train_labels'],
    ['training_images', 'training_labels'],
  ],
  test: [
    ['x_test', 'y_test'],
    ['X_test', 'Y_test'],
    ['X_test', 'y_test'],
    ['test_images', 'test_labels'],
  ],
} as const;

const USED_NAMES = new Set<string>([...NAMES.train, ...NAMES.test].flat());

/**
 * Reads the data sets of an .npz file, such as Keras' mnist.npz: a zip archive of NumPy arrays, stored or deflated.
 *
 * @throws DataError if the file is damaged, too large, or does not contain images and labels
 */
export async function readNpz(path: string): Promise<{ train?: LabelledArrays; test?: LabelledArrays }> {
  const arrays = await readArrays(path);
  const setOf = (split: 'train' | 'test'): LabelledArrays | undefined => {
    const names = NAMES[split].find(([images, labels]) => arrays.has(images) && arrays.has(labels));
    if (!names) return undefined;
    const [images, labels] = names;
    return {
      images: asImages(arrays.get(images)!, `${path}: ${images}`),
      labels: asLabels(arrays.get(labels)!, `${path}: ${labels}`),
    };
  };
  return { train: setOf('train'), test: setOf('test') };
}

async function readArrays(path: string): Promise<Map<string, IdxArray>> {
  const { openPromise } = await import('yauzl');
  const arrays = new Map<string, IdxArray>();
  const found: string[] = [];
  try {
    const archive = await openPromise(path);
    try {
      let total = 0;
      for await (const entry of archive.eachEntry()) {
        const name = entry.fileName.replace(/\.npy$/, '');
        if (found.length < 20) found.push(name);
        if (!USED_NAMES.has(name) || arrays.has(name)) continue;
        total += entry.uncompressedSize;
        if (total > MAX_IDX_BYTES) {
          throw new DataError(
            'invalid-data',
            `${path}: too large (${total} bytes unpacked, limit ${MAX_IDX_BYTES}); split it`,
          );
        }
        arrays.set(name, parseNpy(await readEntry(archive, entry), `${path}: ${name}`));
      }
    } finally {
      archive.close();
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code !== undefined && !code.startsWith('Z_')) throw error;
    throw new DataError(
      'invalid-data',
      `${path}: damaged .npz file (${shorten(message, 100)}); download it again`,
      {
        cause: error,
      },
    );
  }
  if (arrays.size > 0) return arrays;
  throw new DataError(
    'invalid-data',
    `${path}: contains ${shorten(found.join(', '), 100) || 'no arrays'}; expected x_train, y_train, x_test and y_test`,
  );
}

/** yauzl checks that an entry has exactly the size that it states. */
async function readEntry(archive: ZipFile, entry: Entry): Promise<Uint8Array> {
  // A fresh array's memory is taken by the system only as far as it is written to.
  const bytes = alignedBytes(entry.uncompressedSize);
  let length = 0;
  for await (const chunk of await archive.openReadStreamPromise(entry)) {
    bytes.set(chunk as Uint8Array, length);
    length += (chunk as Uint8Array).length;
  }
  return bytes.subarray(0, length);
}

/** [count, height, width], also from [count, height, width, 1] and [count, side * side]. */
function asImages({ shape, values }: IdxArray, name: string): IdxArray {
  const [count = 0, height = 0, width, channels = 1] = shape;
  const side = Math.sqrt(height);
  if (shape.length === 2 && Number.isInteger(side)) return { shape: [count, side, side], values };
  if (shape.length < 3 || shape.length > 4 || channels !== 1) {
    throw new DataError(
      'invalid-data',
      `${name}: has shape [${shape.join(', ')}]; grayscale images have [count, height, width]`,
    );
  }
  return { shape: [count, height, width!], values };
}

/** [count], also from [count, 1]. */
function asLabels({ shape, values }: IdxArray, name: string): IdxArray {
  const [count = 0, columns = 1] = shape;
  if (shape.length >= 1 && shape.length <= 2 && columns === 1) return { shape: [count], values };
  throw new DataError('invalid-data', `${name}: has shape [${shape.join(', ')}]; labels have [count]`);
}

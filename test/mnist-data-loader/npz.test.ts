import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { checkMnist, loadMnist } from '../../src/mnist-data-loader/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';
import { storedZip, zip } from '../helpers/zip.ts';

/** A NumPy array (numpy.lib.format, version 1.0). */
function npy(type: string, shape: readonly number[], values: Uint8Array, order = 'False'): Buffer {
  const tuple = `(${shape.join(', ')}${shape.length === 1 ? ',' : ''})`;
  const fields = `{'descr': '${type}', 'fortran_order': ${order}, 'shape': ${tuple}, }`;
  const header = `${fields.padEnd(117)}\n`;
  const start = Buffer.from(`\x93NUMPY\x01\0${String.fromCharCode(header.length)}\0${header}`, 'latin1');
  return Buffer.concat([start, values]);
}

async function file(name: string, content: string | Uint8Array): Promise<string> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, content);
  return path;
}

describe('an .npz file', () => {
  const images = Uint8Array.from({ length: 24 }, (_, index) => 10 * index);
  const arrays = {
    'x_train.npy': npy('|u1', [4, 2, 3], images),
    'y_train.npy': npy('<i8', [4], new Uint8Array(BigInt64Array.of(0n, 1n, 2n, 1n).buffer)),
    'x_test.npy': npy('>u2', [1, 2, 3], Uint8Array.of(0, 1, 0, 2, 0, 3, 0, 4, 0, 5, 0, 6)),
    'y_test.npy': npy('|u1', [1, 1], Uint8Array.of(2)),
    'other.npy': 'ignored',
  };
  const labels = npy('|u1', [3], Uint8Array.of(2, 1, 0));

  test.each([true, false])("is read like Keras' mnist.npz, compressed: %s", async (isDeflated) => {
    const { train, test: own } = await loadMnist({
      directory: await file('mnist.npz', zip(arrays, isDeflated)),
    });
    expect(train).toEqual({
      images,
      labels: Uint8Array.of(0, 1, 2, 1),
      count: 4,
      height: 2,
      width: 3,
      classes: 3,
    });
    expect([[...own.images], [...own.labels]]).toEqual([[1, 2, 3, 4, 5, 6], [2]]);
  });

  // numpy.array([1, 2, 100], dtype).tobytes().hex(); booleans are 0 or 1.
  test.each([
    ['|b1', '010101'],
    ['|u1', '010264'],
    ['|i1', '010264'],
    ['<u2', '010002006400'],
    ['>u2', '000100020064'],
    ['<i2', '010002006400'],
    ['>i2', '000100020064'],
    ['<u4', '010000000200000064000000'],
    ['>u4', '000000010000000200000064'],
    ['<i4', '010000000200000064000000'],
    ['>i4', '000000010000000200000064'],
    ['<u8', '010000000000000002000000000000006400000000000000'],
    ['>u8', '000000000000000100000000000000020000000000000064'],
    ['<i8', '010000000000000002000000000000006400000000000000'],
    ['>i8', '000000000000000100000000000000020000000000000064'],
    ['<f4', '0000803f000000400000c842'],
    ['>f4', '3f8000004000000042c80000'],
    ['<f8', '000000000000f03f00000000000000400000000000005940'],
    ['>f8', '3ff000000000000040000000000000004059000000000000'],
  ])('is read with numbers of type %s', async (type, hex) => {
    const array = npy(type, [3, 1, 1], Buffer.from(hex, 'hex'));
    const path = await file('mnist.npz', storedZip({ ...arrays, 'x_test.npy': array, 'y_test.npy': labels }));
    const { dataset } = (await checkMnist(path)).test!;
    expect([...dataset.images]).toEqual(type === '|b1' ? [1, 1, 1] : [1, 2, 100]);
  });

  test.each([2, 3])('is read with headers of version %i', async (version) => {
    // numpy.lib.format.write_array(file, numpy.array([3, 1], numpy.uint8), version=(version, 0))
    const fields = "{'descr': '|u1', 'fortran_order': False, 'shape': (2,), }".padEnd(115);
    const array = Buffer.from(
      `\x93NUMPY${String.fromCharCode(version)}\0t\0\0\0${fields}\n\x03\x01`,
      'latin1',
    );
    const content = {
      ...arrays,
      'x_test.npy': npy('|u1', [2, 2, 3], images.slice(0, 12)),
      'y_test.npy': array,
    };
    const { test: own } = await loadMnist({ directory: await file('mnist.npz', storedZip(content)) });
    expect([...own.labels]).toEqual([3, 1]);
  });

  test.each([
    [
      [6, 4],
      [6, 2, 2],
    ],
    [
      [6, 4, 1, 1],
      [6, 4, 1],
    ],
    [
      [4, 2, 3, 1],
      [4, 2, 3],
    ],
  ])('is read with images of shape %j', async (shape, expected) => {
    const count = shape[0]!;
    const content = {
      ...arrays,
      'x_train.npy': npy('|u1', shape, images),
      'y_train.npy': npy('|u1', [count, 1], new Uint8Array(count)),
    };
    const path = await file('mnist.npz', storedZip(content));
    const { train } = await checkMnist(path);
    const { dataset } = train!;
    expect([dataset.count, dataset.height, dataset.width]).toEqual(expected);
    expect(dataset.images).toEqual(images);
  });

  test.each([
    [['X_train', 'Y_train', 'X_test', 'Y_test']],
    [['X_train', 'y_train', 'X_test', 'y_test']],
    [['train_images', 'train_labels', 'test_images', 'test_labels']],
    [['training_images', 'training_labels', 'test_images', 'test_labels']],
  ])('is read with arrays named %j', async (others) => {
    const content = Object.fromEntries(
      Object.values(arrays)
        .slice(0, 4)
        .map((array, index) => [`${others[index]}.npy`, array]),
    );
    const { train, test: own } = await loadMnist({ directory: await file('x.npz', storedZip(content)) });
    expect([train.count, own.count, [...train.labels]]).toEqual([4, 1, [0, 1, 2, 1]]);
  });

  test.each([
    ['other arrays', { 'arr_0.npy': 'x' }, 'contains arr_0; expected x_train, y_train, x_test and y_test'],
    ['no training set', { ...arrays, 'y_train.npy': '', 'x_train.npy': '' }, 'x_train: not a NumPy array'],
    [
      'color images',
      { ...arrays, 'x_train.npy': npy('|u1', [2, 2, 2, 3], images) },
      'x_train: has shape [2, 2, 2, 3]',
    ],
    [
      'fractions',
      { ...arrays, 'x_test.npy': npy('<f4', [1, 1, 1], new Uint8Array(Float32Array.of(0.5).buffer)) },
      'multiply by 255',
    ],
    [
      'labels above 255',
      { ...arrays, 'y_test.npy': npy('<u2', [1], Uint8Array.of(0, 1)) },
      'value 256 at position 0',
    ],
    [
      'a row of pixels that is no square',
      { ...arrays, 'x_train.npy': npy('|u1', [4, 6], images) },
      'x_train: has shape [4, 6]; grayscale images have [count, height, width]',
    ],
    [
      'labels of two columns',
      { ...arrays, 'y_test.npy': npy('|u1', [1, 2], Uint8Array.of(0, 1)) },
      'y_test: has shape [1, 2]; labels have [count]',
    ],
    [
      'a negative label',
      { ...arrays, 'y_test.npy': npy('|i1', [1], Uint8Array.of(255)) },
      'value -1 at position 0 is not a whole number from 0 to 255; save whole',
    ],
    ['Fortran order', { ...arrays, 'x_train.npy': npy('|u1', [4, 2, 3], images, 'True') }, 'Fortran order'],
    ['objects', { ...arrays, 'x_train.npy': npy('|O', [4], images) }, "values are of type '|O'"],
    ['a shape of other size', { ...arrays, 'x_train.npy': npy('|u1', [9e15, 9e15, 9], images) }, 'takes'],
    [
      'a header of other size',
      { ...arrays, 'x_train.npy': Buffer.from('\x93NUMPY\x01\0\xff\xff{}', 'latin1') },
      'the header states',
    ],
  ])('is rejected with %s', async (_, content, message) => {
    const path = await file('mnist.npz', storedZip(content));
    await expect(loadMnist({ directory: path })).rejects.toThrow(DataError);
    await expect(loadMnist({ directory: path })).rejects.toThrow(message);
  });

  test('is rejected if it is damaged', async () => {
    const bytes = zip(arrays, true);
    for (const size of [4, 60, bytes.length - 10]) {
      const path = await file('mnist.npz', bytes.subarray(0, size));
      await expect(loadMnist({ directory: path })).rejects.toThrow(/damaged .npz file/);
    }
    const changed = Buffer.from(bytes);
    changed.fill(0xff, 60, 90);
    await expect(loadMnist({ directory: await file('mnist.npz', changed) })).rejects.toThrow(DataError);
  });
});

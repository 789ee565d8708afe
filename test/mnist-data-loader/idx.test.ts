import { mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gunzipSync, gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { encodeIdx, MAX_IDX_BYTES, parseIdx, readIdx, writeIdx } from '../../src/mnist-data-loader/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const twoByThree = { shape: [2, 3], values: Uint8Array.of(1, 2, 3, 4, 5, 6) };
const header = (type: number, ...sizes: number[]) => {
  const bytes = Buffer.alloc(4 + 4 * sizes.length);
  bytes.set([0, 0, type, sizes.length]);
  for (const [axis, size] of sizes.entries()) bytes.writeUInt32BE(size, 4 + 4 * axis);
  return bytes;
};

describe('parseIdx', () => {
  test('reads the bytes that the format page describes', () => {
    const bytes = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);
    expect(parseIdx(bytes, 'x')).toEqual(twoByThree);
    expect(encodeIdx(twoByThree)).toEqual(bytes);
  });

  test('reads every rank, single values and empty arrays', () => {
    for (const shape of [[], [5], [0], [1, 2, 3, 4], new Array(255).fill(1), [4294967295, 4294967295, 0]]) {
      const values = new Uint8Array(shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1)).fill(9);
      expect(parseIdx(encodeIdx({ shape, values }), 'x')).toEqual({ shape, values });
    }
  });

  test('returns a view, not a copy', () => {
    const bytes = encodeIdx(twoByThree);
    expect(parseIdx(bytes, 'x').values.buffer).toBe(bytes.buffer);
  });

  test.each([
    ['no bytes', Buffer.alloc(0), 'f: file is empty; download it again'],
    ['three bytes', Buffer.of(0, 0, 8), 'f: header is truncated (3 of 4 bytes); download it again'],
    [
      'a truncated header',
      header(8, 1, 1).subarray(0, 11),
      'f: header is truncated (11 of 12 bytes); download it again',
    ],
    [
      'a PNG',
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      'f: not an IDX file (magic 89504e47) but a PNG picture',
    ],
    ['32-bit floats', header(13, 1), 'f: values are 32-bit floats; only unsigned bytes (0x08) are supported'],
    ['signed bytes', header(9, 1), 'f: values are signed bytes'],
    ['an unknown type', header(7, 1), 'f: values are an unknown type (0x07)'],
    [
      'too few values',
      Buffer.concat([header(8, 6), Buffer.alloc(5)]),
      'f: file is truncated (the header states 14 bytes, there are 13)',
    ],
    [
      'too many values',
      Buffer.concat([header(8, 6), Buffer.alloc(7)]),
      'f: data after the last value (the header states 14 bytes, there are 15); download it again',
    ],
    [
      'a header that states terabytes',
      header(8, 1e6, 1e3, 1e4),
      'f: file is truncated (the header states 10,000,000,000,016 bytes',
    ],
    [
      'a header that states more than 2^53 bytes',
      header(8, ...new Array(255).fill(4294967295)),
      'f: file is truncated',
    ],
  ])('rejects %s', (_title, bytes, message) => {
    expect(() => parseIdx(bytes, 'f')).toThrowError(DataError);
    expect(() => parseIdx(bytes, 'f')).toThrowError(message);
  });
});

describe('encodeIdx', () => {
  test('rejects a shape that does not fit the values or the format', () => {
    expect(() => encodeIdx({ shape: [2], values: Uint8Array.of(1) })).toThrowError(
      'takes 2 values, there are 1',
    );
    expect(() => encodeIdx({ shape: [0, 2 ** 32], values: new Uint8Array() })).toThrowError(
      'cannot store shape',
    );
    expect(() => encodeIdx({ shape: new Array(256).fill(1), values: Uint8Array.of(1) })).toThrowError(
      'cannot store shape',
    );
  });
});

describe('readIdx', () => {
  test('reads raw and gzip files regardless of their names', async () => {
    const folder = await temporaryFolder();
    for (const name of ['raw', 'packed.gz']) {
      await writeIdx(join(folder, name), twoByThree);
      expect(await readIdx(join(folder, name))).toEqual(twoByThree);
    }
    await writeFile(join(folder, 'misnamed'), gzipSync(encodeIdx(twoByThree)));
    expect(await readIdx(join(folder, 'misnamed'))).toEqual(twoByThree);
  });

  test('rejects gzip data that is truncated, damaged or empty', async () => {
    const path = join(await temporaryFolder(), 'f.gz');
    const whole = gzipSync(encodeIdx({ shape: [1000], values: new Uint8Array(1000).map((_, i) => i * i) }));
    const flipped = Buffer.from(whole);
    flipped[whole.length - 6]! ^= 1;
    for (const [bytes, message] of [
      [whole.subarray(0, -9), 'unexpected end of file'],
      [flipped, 'incorrect data check'],
      [gzipSync(''), 'f.gz: file is empty'],
      [Buffer.concat([whole.subarray(0, 10), Buffer.alloc(20, 0xff)]), 'invalid block type'],
    ] as const) {
      await writeFile(path, bytes);
      await expect(readIdx(path)).rejects.toThrowError(DataError);
      await expect(readIdx(path)).rejects.toThrowError(message);
    }
  });

  test('stops unpacking a gzip bomb at the size in its header', async () => {
    const path = join(await temporaryFolder(), 'bomb.gz');
    // Unpacking the second part fails at its end, where its checksum is wrong: it must not get that far.
    const damaged = gzipSync(Buffer.alloc(2 ** 26));
    damaged[damaged.length - 8]! ^= 1;
    expect(() => gunzipSync(damaged)).toThrowError('incorrect data check');
    await writeFile(path, Buffer.concat([gzipSync(header(8, 10)), damaged]));
    await expect(readIdx(path)).rejects.toThrowError(
      'data after the last value (the header states 18 bytes)',
    );
  });

  test('rejects gzip data that is too short for the size in its header before allocating memory', async () => {
    const path = join(await temporaryFolder(), 'short.gz');
    const stored = gzipSync(header(8, 2 ** 29));
    await writeFile(path, stored);
    const most = (1032 * stored.length).toLocaleString('en-US');
    await expect(readIdx(path)).rejects.toThrowError(
      `short.gz: file is truncated (the header states 536,870,920 bytes, there are at most ${most})`,
    );
  });

  test('rejects files above the size limit before reading them', async () => {
    const folder = await temporaryFolder();
    const packed = join(folder, 'f.gz');
    await writeFile(packed, gzipSync(header(8, 1e6, 1e6)));
    await expect(readIdx(packed)).rejects.toThrowError(
      'f.gz: too large (1,000,000,000,012 bytes, limit 1,073,741,824); split it',
    );
    const sparse = join(folder, 'sparse');
    await writeFile(sparse, header(8, 1e6, 1e6));
    await truncate(sparse, MAX_IDX_BYTES + 1);
    await expect(readIdx(sparse)).rejects.toThrowError('sparse: too large (1,073,741,825 bytes');
  });

  test('rejects missing files, folders and devices', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'folder'));
    await symlink('/dev/zero', join(folder, 'device'));
    for (const [name, message] of [
      ['missing', 'missing: cannot be read: no such file or folder; check the path'],
      ['folder', 'folder: not a file; name an IDX file'],
      ['device', 'device: not a file; name an IDX file'],
    ] as const) {
      await expect(readIdx(join(folder, name))).rejects.toThrowError(DataError);
      await expect(readIdx(join(folder, name))).rejects.toThrowError(message);
    }
  });
});

describe('writeIdx', () => {
  test('leaves no file behind if it cannot write', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'taken'));
    await expect(writeIdx(join(folder, 'taken'), twoByThree)).rejects.toThrowError(
      'taken: cannot be written: it is a folder; name a file',
    );
    await expect(writeIdx(join(folder, 'no', 'f'), twoByThree)).rejects.toThrowError(
      'no such file or folder',
    );
    expect(await readdir(folder)).toEqual(['taken']);
  });
});

import { mkdir, readdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
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
  test('reads what the format page describes', () => {
    const bytes = Uint8Array.of(0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6);
    expect(parseIdx(bytes, 'x')).toEqual(twoByThree);
    expect(encodeIdx(twoByThree)).toEqual(bytes);
  });

  test('reads every rank, a single value and an empty array included', () => {
    for (const shape of [[], [5], [0], [1, 2, 3, 4], new Array(255).fill(1), [4294967295, 4294967295, 0]]) {
      const values = new Uint8Array(shape.includes(0) ? 0 : shape.reduce((a, b) => a * b, 1)).fill(9);
      expect(parseIdx(encodeIdx({ shape, values }), 'x')).toEqual({ shape, values });
    }
  });

  test('gives a view, not a copy', () => {
    const bytes = encodeIdx(twoByThree);
    expect(parseIdx(bytes, 'x').values.buffer).toBe(bytes.buffer);
  });

  test.each([
    ['no bytes', Buffer.alloc(0), 'f: is empty; fetch it again'],
    ['three bytes', Buffer.of(0, 0, 8), 'f: is cut short within its header (3 of 4 bytes); fetch it again'],
    [
      'a header cut short',
      header(8, 1, 1).subarray(0, 11),
      'f: is cut short within its header (11 of 12 bytes); fetch it again',
    ],
    [
      'a PNG',
      Buffer.from('\x89PNG\r\n\x1a\n', 'latin1'),
      'f: is no IDX file: begins with 89504e47, not with 0000',
    ],
    ['32-bit floats', header(13, 1), 'f: holds 32-bit floats; only unsigned bytes (0x08) are read'],
    ['signed bytes', header(9, 1), 'f: holds signed bytes'],
    ['an unknown type', header(7, 1), 'f: holds an unknown type (0x07)'],
    ['too few values', Buffer.concat([header(8, 6), Buffer.alloc(5)]), 'promises 14 bytes, there are 13'],
    [
      'too many values',
      Buffer.concat([header(8, 6), Buffer.alloc(7)]),
      'f: goes on after its values: its header promises 14 bytes, there are 15; fetch it again',
    ],
    [
      'terabytes promised',
      header(8, 1e6, 1e3, 1e4),
      'f: is cut short: its header promises 10,000,000,000,016 bytes',
    ],
    ['more than a number can count', header(8, ...new Array(255).fill(4294967295)), 'f: is cut short'],
  ])('refuses %s', (_title, bytes, message) => {
    expect(() => parseIdx(bytes, 'f')).toThrowError(DataError);
    expect(() => parseIdx(bytes, 'f')).toThrowError(message);
  });
});

describe('encodeIdx', () => {
  test('refuses a shape that does not fit the values, or the format', () => {
    expect(() => encodeIdx({ shape: [2], values: Uint8Array.of(1) })).toThrowError(
      'takes 2 values, there are 1',
    );
    expect(() => encodeIdx({ shape: [0, 2 ** 32], values: new Uint8Array() })).toThrowError('cannot hold');
    expect(() => encodeIdx({ shape: new Array(256).fill(1), values: Uint8Array.of(1) })).toThrowError(
      'cannot',
    );
  });
});

describe('readIdx', () => {
  test('reads raw and gzip files alike, told by their bytes', async () => {
    const folder = await temporaryFolder();
    for (const name of ['raw', 'packed.gz']) {
      await writeIdx(join(folder, name), twoByThree);
      expect(await readIdx(join(folder, name))).toEqual(twoByThree);
    }
    await writeFile(join(folder, 'misnamed'), gzipSync(encodeIdx(twoByThree)));
    expect(await readIdx(join(folder, 'misnamed'))).toEqual(twoByThree);
  });

  test('refuses gzip data that is cut short, damaged or empty', async () => {
    const path = join(await temporaryFolder(), 'f.gz');
    const whole = gzipSync(encodeIdx({ shape: [1000], values: new Uint8Array(1000).map((_, i) => i * i) }));
    const flipped = Buffer.from(whole);
    flipped[whole.length - 6]! ^= 1;
    for (const [bytes, message] of [
      [whole.subarray(0, -9), 'unexpected end of file'],
      [flipped, 'incorrect data check'],
      [gzipSync(''), 'f.gz: is empty'],
      [Buffer.concat([whole.subarray(0, 10), Buffer.alloc(20, 0xff)]), 'invalid block type'],
    ] as const) {
      await writeFile(path, bytes);
      await expect(readIdx(path)).rejects.toThrowError(DataError);
      await expect(readIdx(path)).rejects.toThrowError(message);
    }
  });

  test('stops unpacking a gzip bomb at the size in its header', async () => {
    const path = join(await temporaryFolder(), 'bomb.gz');
    const mebibyte = gzipSync(Buffer.alloc(2 ** 20));
    await writeFile(path, Buffer.concat([gzipSync(header(8, 10)), ...new Array(512).fill(mebibyte)]));
    const before = process.resourceUsage().maxRSS;
    await expect(readIdx(path)).rejects.toThrowError(
      'goes on after its values: its header promises 18 bytes',
    );
    const grownKib = process.resourceUsage().maxRSS - before;
    expect(grownKib).toBeLessThan(64 * 1024);
  });

  test('refuses what would not fit in memory before reading it', async () => {
    const folder = await temporaryFolder();
    const packed = join(folder, 'f.gz');
    await writeFile(packed, gzipSync(header(8, 1e6, 1e6)));
    await expect(readIdx(packed)).rejects.toThrowError(
      'f.gz: would take 1,000,000,000,012 bytes, the most read is 1,073,741,824; split it',
    );
    const sparse = join(folder, 'sparse');
    await writeFile(sparse, header(8, 1e6, 1e6));
    await truncate(sparse, MAX_IDX_BYTES + 1);
    await expect(readIdx(sparse)).rejects.toThrowError('would take 1,073,741,825 bytes');
  });

  test('names what is not there and what is no file', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'folder'));
    await symlink('/dev/zero', join(folder, 'device'));
    for (const [name, message] of [
      ['missing', 'missing: cannot be read: there is no such file or folder; check the path'],
      ['folder', 'folder: is not a file; give an IDX file'],
      ['device', 'device: is not a file; give an IDX file'],
    ] as const) {
      await expect(readIdx(join(folder, name))).rejects.toThrowError(DataError);
      await expect(readIdx(join(folder, name))).rejects.toThrowError(message);
    }
  });
});

describe('writeIdx', () => {
  test('leaves nothing behind where it cannot write', async () => {
    const folder = await temporaryFolder();
    await mkdir(join(folder, 'taken'));
    await expect(writeIdx(join(folder, 'taken'), twoByThree)).rejects.toThrowError(
      'taken: cannot be written: it is a folder; give a file',
    );
    await expect(writeIdx(join(folder, 'no', 'f'), twoByThree)).rejects.toThrowError('there is no such');
    expect(await readdir(folder)).toEqual(['taken']);
  });
});

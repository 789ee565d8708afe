import { readFileSync } from 'node:fs';
import { mkdir, open, readFile, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import {
  parseSafetensors,
  readSafetensors,
  safeTensor,
  serializeSafetensors,
  writeSafetensors,
} from '../../src/safetensors/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

const FIXTURES = ['parity/inputs', 'peft/base', 'peft/plain/adapter_model', 'peft/dora/adapter_model'];

/** The bytes of a file with this header text, followed by `dataBytes` zeros. */
function fileOf(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const text = Buffer.from(header as string);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

function entry(dtype: unknown, shape: unknown, offsets: unknown) {
  return { dtype, shape, data_offsets: offsets };
}

/** The message of the error that parsing throws, or 'accepted'. */
function errorOf(header: unknown, dataBytes = 0): string {
  const text = typeof header === 'string' || header instanceof Uint8Array ? header : JSON.stringify(header);
  try {
    parseSafetensors('w.safetensors', fileOf(text, dataBytes));
  } catch (error) {
    expect(error).toBeInstanceOf(CheckpointError);
    return (error as Error).message;
  }
  return 'accepted';
}

test.each(FIXTURES)('serializes %s byte for byte as the reference implementation did', (name) => {
  const bytes = readFileSync(`test/fixtures/${name}.safetensors`);
  const content = parseSafetensors(name, bytes);
  expect(Buffer.concat(serializeSafetensors(name, content)).equals(bytes)).toBe(true);
});

test('returns tensors as views of the content, not as copies', () => {
  const bytes = readFileSync('test/fixtures/peft/base.safetensors');
  const { tensors } = parseSafetensors('base', bytes);
  expect(tensors.get('linear1.weight')).toMatchObject({ dtype: 'F32', shape: [256, 784] });
  expect(tensors.get('linear1.weight')!.data.buffer).toBe(bytes.buffer);
});

test('serializes equal content to equal bytes in any order of insertion', () => {
  const pairs = [
    ['10', safeTensor(Float32Array.of(1), [1])],
    ['9', safeTensor(Float32Array.of(2), [])],
    ['b', safeTensor(Uint8Array.of(3), [1])],
    ['é', safeTensor(Int32Array.of(4), [1, 1])],
  ] as const;
  const metadata = [
    ['z', '1'],
    ['a', '2'],
  ] as const;
  const forward = serializeSafetensors('a', { tensors: new Map(pairs), metadata: new Map(metadata) });
  const backward = serializeSafetensors('a', {
    tensors: new Map([...pairs].reverse()),
    metadata: new Map([...metadata].reverse()),
  });
  expect(Buffer.concat(forward)).toEqual(Buffer.concat(backward));
  expect(forward[0]!.length % 8).toBe(0);
  expect(Buffer.from(forward[0]!).toString()).toContain('{"__metadata__":{"a":"2","z":"1"},"10":');
  const again = parseSafetensors('a', Buffer.concat(forward));
  expect([...again.tensors.keys()]).toEqual(['10', '9', 'é', 'b']);
  expect(again.metadata).toEqual(new Map(metadata));
});

test('serializes tensors in the order of the bytes of their names', () => {
  const names = ['b', 'bb', 'ba', 'a', 'B', '￿', '😀', 'é', '', 'bab'];
  const tensors = new Map(names.map((name) => [name, safeTensor(Uint8Array.of(1), [1])]));
  const file = Buffer.concat(serializeSafetensors('w', { tensors, metadata: new Map() }));
  const expected = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  expect([...parseSafetensors('w', file).tensors.keys()]).toEqual(expected);
});

test('accepts empty tensors and scalars', () => {
  const header = { empty: entry('F32', [3, 0], [0, 0]), scalar: entry('F64', [], [0, 8]) };
  expect(errorOf(header, 8)).toBe('accepted');
  const shared = { full: entry('U8', [4], [0, 4]), empty: entry('U8', [0], [0, 0]) };
  expect(errorOf(shared, 4)).toBe('accepted');
});

describe('parseSafetensors rejects', () => {
  test.each([
    ['an unknown type', { w: entry('F33', [1], [0, 4]) }, 4, /"w": unknown type "F33"; expected one of BOOL/],
    ['a type in a list', { w: entry(['F32'], [1], [0, 4]) }, 4, /"w": unknown type \["F32"\]/],
    ['a negative size', { w: entry('F32', [-1], [0, 4]) }, 4, /"w": invalid shape \[-1\]/],
    ['a fractional size', { w: entry('F32', [1.5], [0, 6]) }, 6, /"w": invalid shape \[1.5\]/],
    [
      'a size beyond 2^53',
      '{"w":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}',
      4,
      /"w": invalid shape/,
    ],
    [
      'a shape whose element count overflows',
      { w: entry('F32', [2 ** 40, 2 ** 40], [0, 4]) },
      4,
      /"w": the size of F32 \[.*\] is too large/,
    ],
    [
      'offsets that do not fit the shape',
      { w: entry('F32', [2], [0, 4]) },
      4,
      /needs 8 bytes, its data_offsets span 4/,
    ],
    [
      'offsets that do not fit the shape, after another tensor',
      { v: entry('F32', [1], [0, 4]), w: entry('F32', [2], [4, 8]) },
      8,
      /"w": F32 \[2\] needs 8 bytes, its data_offsets span 4/,
    ],
    ['offsets in the wrong order', { w: entry('F32', [1], [4, 0]) }, 4, /"w": invalid data_offsets \[4,0\]/],
    ['three offsets', { w: entry('F32', [1], [0, 4, 8]) }, 4, /"w": invalid data_offsets/],
    [
      'a size that is not a whole number of bytes',
      { w: entry('F4', [1], [0, 1]) },
      1,
      /"w": the size of F4 \[1\] is too large or not a whole/,
    ],
    ['a tensor described by a list', { w: [1] }, 0, /"w": not described by an object/],
    [
      'overlapping tensors',
      { v: entry('U8', [4], [0, 4]), w: entry('U8', [4], [2, 6]) },
      6,
      /"w" overlaps .* byte 2, expected 4/,
    ],
    [
      'a gap between tensors',
      { v: entry('U8', [4], [0, 4]), w: entry('U8', [2], [6, 8]) },
      8,
      /"w" leaves a gap .* byte 6, expected 4/,
    ],
    ['a gap at the beginning', { w: entry('U8', [2], [6, 8]) }, 8, /"w" leaves a gap/],
    [
      'bytes after the last tensor',
      { w: entry('U8', [2], [0, 2]) },
      3,
      /the last 1 of 3 bytes of data belong to no tensor/,
    ],
    [
      'truncated data',
      { w: entry('U8', [2], [0, 2]) },
      1,
      /truncated \(the tensors need 2 bytes of data, the file has 1\)/,
    ],
    ['metadata that is not an object', { __metadata__: 'a' }, 0, /__metadata__ is not an object/],
    [
      'a metadata value that is not a string',
      { __metadata__: { a: 1 } },
      0,
      /__metadata__ "a" is not a string/,
    ],
    ['a header that is a list', '[]', 0, /does not start with "\{"/],
    ['a byte order mark', '\ufeff{}', 0, /does not start with "\{"/],
    ['a header that is not JSON', '{"a":', 0, /is not valid JSON/],
    ['a header that is not UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 0, /is not UTF-8/],
    [
      'a lone surrogate in a name',
      '{"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
      /not valid Unicode/,
    ],
    [
      'the name __proto__',
      '{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
      /unsafe name "__proto__"/,
    ],
    ['constructor as a part of a name', { 'a.constructor.b': entry('U8', [0], [0, 0]) }, 0, /unsafe name/],
    ['__proto__ as a metadata key', '{"__metadata__":{"__proto__":"x"}}', 0, /unsafe name/],
    [
      'a duplicate tensor name',
      '{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{}}',
      0,
      /duplicate key "w" in the header/,
    ],
    [
      'a duplicate tensor name in another spelling',
      '{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0077" :{}}',
      0,
      /duplicate key "w" in the header/,
    ],
    [
      'a duplicate field of a tensor',
      '{"w":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
      /duplicate key "dtype" in the header/,
    ],
  ])('%s', (_, header, dataBytes, message) => {
    expect(errorOf(header, dataBytes)).toMatch(message);
  });

  test('accepts strings that contain text like a duplicate key', () => {
    expect(errorOf('{"__metadata__":{"a":"\\"b\\":{","b":"\\\\"}}')).toBe('accepted');
    expect(errorOf('{"__metadata__":{"a":"\\",\\"a\\":"}}')).toBe('accepted');
    expect(errorOf('{"__metadata__":{"a":"b","b":"a","c":"a"}}')).toBe('accepted');
  });

  test.each([' ', '\n', '\r', '\t', ' \r\n\t '])('a duplicate key before white space: %j', (space) => {
    const field = '{"dtype":"U8","shape":[0],"data_offsets":[0,0]}';
    expect(errorOf(`{"w"${space}:${field},"w"${space}:${field}}`)).toMatch(/duplicate key "w"/);
  });

  test('a header that is longer than the file, with both sizes', () => {
    const header = '{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}';
    expect(() => parseSafetensors('w', fileOf(header).subarray(0, 12))).toThrow(
      `w: truncated (header of ${header.length} bytes expected, 4 found); copy it again`,
    );
  });

  test.each([0, 7, 8, 12])('a file truncated to %i bytes', (length) => {
    const bytes = fileOf('{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1).subarray(0, length);
    expect(() => parseSafetensors('w', bytes)).toThrow(/truncated/);
  });

  test('serializeSafetensors rejects names and data that no reader accepts', () => {
    const write = (name: string, shape: number[]) => () =>
      serializeSafetensors('w', {
        tensors: new Map([[name, safeTensor(Uint8Array.of(1), shape)]]),
        metadata: new Map(),
      });
    expect(write('a.__proto__', [1])).toThrow(/unsafe name/);
    expect(write('__metadata__', [1])).toThrow(CheckpointError);
    expect(write('a', [2])).toThrow(/1 bytes do not fit U8 \[2\]/);
  });

  test('serializeSafetensors rejects a header over 16 MiB', () => {
    const write = (length: number) =>
      serializeSafetensors('w', {
        tensors: new Map([['x'.repeat(length), safeTensor(new Uint8Array(), [0])]]),
        metadata: new Map(),
      })[0]!;
    const shortest = write(1).length - 8;
    const text = '{"x":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}'.length;
    expect(shortest).toBe(Math.ceil(text / 8) * 8);
    const longest = 2 ** 24 - text + 1;
    expect(write(longest)).toHaveLength(2 ** 24 + 8);
    expect(parseSafetensors('w', write(longest)).tensors.size).toBe(1);
    expect(() => write(longest + 1)).toThrow('need a header of 16777224 bytes, the limit is 16777216');
  });
});

describe('readSafetensors and writeSafetensors', () => {
  test('read the tensors and metadata that were written', async () => {
    const path = join(await temporaryFolder(), 'w.safetensors');
    const tensors = new Map([['w', safeTensor(Float32Array.of(1, 2, 3, 4), [2, 2])]]);
    await writeSafetensors(path, tensors, new Map([['format', 'pt']]));
    const content = await readSafetensors(path);
    expect(content.tensors).toEqual(tensors);
    expect(content.metadata).toEqual(new Map([['format', 'pt']]));
  });

  test('reject a header over 16 MiB before allocating memory for it', async () => {
    const path = join(await temporaryFolder(), 'w.safetensors');
    // Allocating 2^62 bytes would throw a RangeError.
    for (const length of [2n ** 24n + 1n, 2n ** 62n]) {
      const start = Buffer.alloc(8);
      start.writeBigUInt64LE(length);
      await writeFile(path, start);
      await truncate(path, 2 ** 33);
      await expect(readSafetensors(path)).rejects.toThrow(
        `header of ${length} bytes exceeds the limit of 16777216`,
      );
    }
  });

  test('reject data that no tensor covers before allocating memory for it', async () => {
    const path = join(await temporaryFolder(), 'w.safetensors');
    await writeFile(path, fileOf('{}'));
    await truncate(path, 2 ** 36);
    await expect(readSafetensors(path)).rejects.toThrow(/belong to no tensor/);
  });

  test('name a file that is missing, a folder or truncated', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'w.safetensors');
    await expect(readSafetensors(path)).rejects.toThrow(`${path}: cannot be read: no such file`);
    await mkdir(path);
    await expect(readSafetensors(path)).rejects.toThrow(`${path}: not a file`);
    const short = join(folder, 'short.safetensors');
    await writeFile(short, (await readFile('test/fixtures/peft/base.safetensors')).subarray(0, 5000));
    await expect(readSafetensors(short)).rejects.toThrow(
      /short.safetensors: truncated \(the tensors need 940584 bytes of data/,
    );
  });

  test('close the file after an error', async () => {
    const path = join(await temporaryFolder(), 'w.safetensors');
    await writeFile(path, fileOf('[]'));
    const before = await nextDescriptor(path);
    for (let count = 0; count < 50; count++) await readSafetensors(path).catch(() => {});
    expect(await nextDescriptor(path)).toBeLessThan(before + 20);
  });
});

/** The descriptor of the next file that is opened: it grows with every file that stays open. */
async function nextDescriptor(path: string): Promise<number> {
  const file = await open(path);
  const { fd } = file;
  await file.close();
  return fd;
}

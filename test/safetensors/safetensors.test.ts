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

/** A file with the given header text and `dataBytes` zeros. */
function fileOf(header: string | Uint8Array, dataBytes = 0): Uint8Array {
  const text = Buffer.from(header as string);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, Buffer.alloc(dataBytes)]);
}

function entry(dtype: unknown, shape: unknown, offsets: unknown) {
  return { dtype, shape, data_offsets: offsets };
}

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

test.each(FIXTURES)('writes %s again byte for byte as the reference implementation did', (name) => {
  const bytes = readFileSync(`test/fixtures/${name}.safetensors`);
  const content = parseSafetensors(name, bytes);
  expect(Buffer.concat(serializeSafetensors(name, content)).equals(bytes)).toBe(true);
});

test('gives tensors as views of the content, not as copies', () => {
  const bytes = readFileSync('test/fixtures/peft/base.safetensors');
  const { tensors } = parseSafetensors('base', bytes);
  expect(tensors.get('linear1.weight')).toMatchObject({ dtype: 'F32', shape: [256, 784] });
  expect(tensors.get('linear1.weight')!.data.buffer).toBe(bytes.buffer);
});

test('equal content gives equal bytes, whatever the order it was given in', () => {
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
  const again = parseSafetensors('a', Buffer.concat(forward));
  expect([...again.tensors.keys()]).toEqual(['10', '9', 'é', 'b']);
  expect(again.metadata).toEqual(new Map(metadata));
});

test('tensors without values and scalars are fine', () => {
  const header = { empty: entry('F32', [3, 0], [0, 0]), scalar: entry('F64', [], [0, 8]) };
  expect(errorOf(header, 8)).toBe('accepted');
});

describe('refuses by name', () => {
  test.each([
    ['an unknown type', { w: entry('F33', [1], [0, 4]) }, 4, /"w": has type "F33"; known are BOOL/],
    ['a negative size', { w: entry('F32', [-1], [0, 4]) }, 4, /"w": has shape \[-1\]/],
    ['a fraction as a size', { w: entry('F32', [1.5], [0, 6]) }, 6, /"w": has shape \[1.5\]/],
    [
      'a size beyond 2^53',
      '{"w":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}',
      4,
      /"w": has shape/,
    ],
    [
      'a product that overflows',
      { w: entry('F32', [2 ** 40, 2 ** 40], [0, 4]) },
      4,
      /"w": F32 of shape \[.*\] has no countable/,
    ],
    [
      'a shape that its offsets do not hold',
      { w: entry('F32', [2], [0, 4]) },
      4,
      /needs 8 bytes, its offsets hold 4/,
    ],
    ['offsets in the wrong order', { w: entry('F32', [1], [4, 0]) }, 4, /"w": has data_offsets \[4,0\]/],
    ['three offsets', { w: entry('F32', [1], [0, 4, 8]) }, 4, /"w": has data_offsets/],
    ['half a byte', { w: entry('F4', [1], [0, 1]) }, 1, /"w": F4 of shape \[1\] has no countable/],
    ['a tensor that is no object', { w: [1] }, 0, /"w": is not described by an object/],
    [
      'overlapping tensors',
      { v: entry('U8', [4], [0, 4]), w: entry('U8', [4], [2, 6]) },
      6,
      /"w" overlaps .* byte 2, not 4/,
    ],
    [
      'a gap between tensors',
      { v: entry('U8', [4], [0, 4]), w: entry('U8', [2], [6, 8]) },
      8,
      /"w" leaves a gap .* byte 6, not 4/,
    ],
    ['a gap at the beginning', { w: entry('U8', [2], [6, 8]) }, 8, /"w" leaves a gap/],
    ['bytes that no tensor owns', { w: entry('U8', [2], [0, 2]) }, 3, /belong to no tensor/],
    [
      'data that is cut short',
      { w: entry('U8', [2], [0, 2]) },
      1,
      /need 2 bytes of data, the file holds 1; it is cut short/,
    ],
    ['metadata that is no object', { __metadata__: 'a' }, 0, /__metadata__ is not an object/],
    ['metadata that is no string', { __metadata__: { a: 1 } }, 0, /__metadata__ "a" is not a string/],
    ['a list for a header', '[]', 0, /does not begin with "\{"/],
    ['a byte order mark', '\ufeff{}', 0, /does not begin with "\{"/],
    ['a header that is not JSON', '{"a":', 0, /is not JSON/],
    ['a header that is not UTF-8', Uint8Array.of(0x7b, 0x22, 0xff, 0x22, 0x7d), 0, /is not UTF-8/],
    [
      'half a surrogate pair',
      '{"\\ud800":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
      /not valid Unicode/,
    ],
    [
      'the name __proto__',
      '{"__proto__":{"dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
      /"__proto__" would reach/,
    ],
    ['constructor within a name', { 'a.constructor.b': entry('U8', [0], [0, 0]) }, 0, /would reach/],
    ['__proto__ in the metadata', '{"__metadata__":{"__proto__":"x"}}', 0, /would reach/],
    [
      'a name given twice',
      '{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"w":{}}',
      0,
      /header has "w" twice/,
    ],
    [
      'a name given twice in two spellings',
      '{"w":{"dtype":"U8","shape":[0],"data_offsets":[0,0]},"\\u0077" :{}}',
      0,
      /header has "w" twice/,
    ],
    [
      'a field given twice',
      '{"w":{"dtype":"U8","dtype":"U8","shape":[0],"data_offsets":[0,0]}}',
      0,
      /header has "dtype" twice/,
    ],
  ])('%s', (_, header, dataBytes, message) => {
    expect(errorOf(header, dataBytes)).toMatch(message);
  });

  test('a name inside a string is no key', () => {
    expect(errorOf('{"__metadata__":{"a":"\\"b\\":{","b":"\\\\"}}')).toBe('accepted');
  });

  test.each([0, 7, 8, 12])('a file cut to %i bytes', (length) => {
    const bytes = fileOf('{"w":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}', 1).subarray(0, length);
    expect(() => parseSafetensors('w', bytes)).toThrow(/cut short/);
  });

  test('names and data that a reader would refuse are not written', () => {
    const write = (name: string, shape: number[]) => () =>
      serializeSafetensors('w', {
        tensors: new Map([[name, safeTensor(Uint8Array.of(1), shape)]]),
        metadata: new Map(),
      });
    expect(write('a.__proto__', [1])).toThrow(/would reach/);
    expect(write('__metadata__', [1])).toThrow(CheckpointError);
    expect(write('a', [2])).toThrow(/1 bytes do not make U8 of shape \[2\]/);
  });
});

describe('files', () => {
  test('come back as they were written', async () => {
    const path = join(await temporaryFolder(), 'w.safetensors');
    const tensors = new Map([['w', safeTensor(Float32Array.of(1, 2, 3, 4), [2, 2])]]);
    await writeSafetensors(path, tensors, new Map([['format', 'pt']]));
    const content = await readSafetensors(path);
    expect(content.tensors).toEqual(tensors);
    expect(content.metadata).toEqual(new Map([['format', 'pt']]));
  });

  test('a header over 100 MB is refused before memory is taken for it', async () => {
    const path = join(await temporaryFolder(), 'w.safetensors');
    const start = Buffer.alloc(8);
    start.writeBigUInt64LE(100_000_001n);
    await writeFile(path, start);
    await truncate(path, 2 ** 33);
    const before = process.memoryUsage.rss();
    await expect(readSafetensors(path)).rejects.toThrow(
      /header of 100000001 bytes exceeds the format's 100000000/,
    );
    expect(process.memoryUsage.rss() - before).toBeLessThan(5e7);
  });

  test('data that the header does not describe is refused before memory is taken for it', async () => {
    const path = join(await temporaryFolder(), 'w.safetensors');
    await writeFile(path, fileOf('{}'));
    await truncate(path, 2 ** 36);
    await expect(readSafetensors(path)).rejects.toThrow(/belong to no tensor/);
  });

  test('one that is missing, a folder or cut short is named', async () => {
    const folder = await temporaryFolder();
    const path = join(folder, 'w.safetensors');
    await expect(readSafetensors(path)).rejects.toThrow(`${path}: cannot be read: there is no such file`);
    await mkdir(path);
    await expect(readSafetensors(path)).rejects.toThrow(`${path}: is not a file`);
    const short = join(folder, 'short.safetensors');
    await writeFile(short, (await readFile('test/fixtures/peft/base.safetensors')).subarray(0, 5000));
    await expect(readSafetensors(short)).rejects.toThrow(
      /short.safetensors: tensors need 940584 bytes of data/,
    );
  });

  test('are closed after a refusal', async () => {
    const path = join(await temporaryFolder(), 'w.safetensors');
    await writeFile(path, fileOf('[]'));
    const before = await nextDescriptor(path);
    for (let turn = 0; turn < 50; turn++) await readSafetensors(path).catch(() => {});
    expect(await nextDescriptor(path)).toBeLessThan(before + 20);
  });
});

/** The number that the system gives to the next file: it grows with every file that stays open. */
async function nextDescriptor(path: string): Promise<number> {
  const file = await open(path);
  const { fd } = file;
  await file.close();
  return fd;
}

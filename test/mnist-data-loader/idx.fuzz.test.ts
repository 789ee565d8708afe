import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { DataError } from '../../src/errors.ts';
import { encodeIdx, type IdxArray, parseIdx, readIdx } from '../../src/mnist-data-loader/index.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

fc.configureGlobal({ seed: 1 });

const arrays: fc.Arbitrary<IdxArray> = fc
  .array(fc.integer({ min: 0, max: 5 }), { maxLength: 5 })
  .chain((shape) =>
    fc
      .uint8Array({
        minLength: shape.reduce((a, b) => a * b, 1),
        maxLength: shape.reduce((a, b) => a * b, 1),
      })
      .map((values) => ({ shape, values })),
  );

/** Bytes with a valid magic number, so that the later checks are tested too. */
const plausible = fc
  .tuple(fc.constantFrom(8, 8, 8, 0, 9, 13), fc.integer({ min: 0, max: 5 }), fc.uint8Array({ maxLength: 64 }))
  .map(([type, rank, rest]) => Uint8Array.of(0, 0, type, rank, ...rest));

/** A valid file with bytes changed, removed from its end or added. */
const damaged = fc
  .tuple(
    arrays,
    fc.array(fc.tuple(fc.nat(200), fc.integer({ min: 1, max: 255 })), { maxLength: 3 }),
    fc.nat(200),
    fc.uint8Array({ maxLength: 3 }),
  )
  .map(([array, changes, end, extra]) => {
    const bytes = Uint8Array.of(...encodeIdx(array).subarray(0, end), ...extra);
    for (const [position, mask] of changes) if (position < bytes.length) bytes[position]! ^= mask;
    return bytes;
  });

/** Expects the array that the bytes encode, or an error of one line with the file's name. */
function expectExactOrRejected(read: () => IdxArray, bytes: Uint8Array): void {
  let array: IdxArray;
  try {
    array = read();
  } catch (error) {
    expect(error).toBeInstanceOf(DataError);
    expect((error as Error).message).toMatch(/^the file: .+$/);
    return;
  }
  expect(encodeIdx(array)).toEqual(bytes);
}

it('returns every array that was encoded', () => {
  fc.assert(
    fc.property(arrays, (array) => {
      expect(parseIdx(encodeIdx(array), 'x')).toEqual(array);
    }),
  );
});

it('reads any bytes exactly, or rejects them with the name of the file', () => {
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 64 }), plausible, damaged), (bytes) => {
      expectExactOrRejected(() => parseIdx(bytes, 'the file'), bytes);
    }),
    { numRuns: 5000 },
  );
});

it('reads any gzip file exactly, or rejects it with its name', async () => {
  const path = join(await temporaryFolder(), 'f.gz');
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(plausible, damaged),
      fc.nat(100),
      fc.integer({ min: 0, max: 255 }),
      async (bytes, position, mask) => {
        const packed = gzipSync(bytes);
        if (position < packed.length) packed[position]! ^= mask;
        await writeFile(path, packed);
        try {
          const array = await readIdx(path);
          expect(encodeIdx(array)).toEqual(packed[0] === 0x1f && packed[1] === 0x8b ? bytes : packed);
        } catch (error) {
          if (!(error instanceof DataError)) throw error;
          expect(error.message.startsWith(`${path}: `)).toBe(true);
          expect(error.message).not.toContain('\n');
        }
      },
    ),
    { numRuns: 500 },
  );
});

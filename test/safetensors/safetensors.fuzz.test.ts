import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CheckpointError } from '../../src/errors.ts';
import { parseSafetensors, safeTensor, serializeSafetensors } from '../../src/safetensors/index.ts';

fc.configureGlobal({ seed: 1 });

const name = fc
  .string({ unit: 'grapheme', maxLength: 12 })
  .filter((text) => text !== '__metadata__' && !/(^|\.)(__proto__|constructor|prototype)(\.|$)/.test(text));

const tensor = fc.array(fc.nat(4), { maxLength: 4 }).chain((shape) => {
  const count = shape.reduce((product, size) => product * size, 1);
  return fc.oneof(
    fc.float32Array({ minLength: count, maxLength: count }).map((values) => safeTensor(values, shape)),
    fc.int32Array({ minLength: count, maxLength: count }).map((values) => safeTensor(values, shape)),
    fc.uint8Array({ minLength: count, maxLength: count }).map((values) => safeTensor(values, shape)),
  );
});

const content = fc.record({
  tensors: fc.array(fc.tuple(name, tensor), { maxLength: 6 }).map((pairs) => new Map(pairs)),
  metadata: fc
    .array(fc.tuple(name, fc.string({ unit: 'grapheme' })), { maxLength: 3 })
    .map((pairs) => new Map(pairs)),
});

test('parses what was serialized, for any tensors and metadata', () => {
  fc.assert(
    fc.property(content, (written) => {
      const bytes = Uint8Array.from(Buffer.concat(serializeSafetensors('w', written)));
      const read = parseSafetensors('w', bytes);
      expect(read.metadata).toEqual(written.metadata);
      expect(new Map([...read.tensors].sort())).toEqual(new Map([...written.tensors].sort()));
    }),
  );
});

test('rejects random bytes with a CheckpointError, or parses them', () => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => expectRejectedOrCovered(bytes)));
});

test('rejects a file with a byte changed, added or missing, or stays within its bounds', () => {
  fc.assert(
    fc.property(content, fc.nat(), fc.nat(255), fc.nat(3), (written, position, value, kind) => {
      const bytes = [...Buffer.concat(serializeSafetensors('w', written))];
      const at = position % bytes.length;
      if (kind === 0) bytes[at] = value;
      if (kind === 1) bytes.splice(at, 1);
      if (kind === 2) bytes.splice(at, 0, value);
      if (kind === 3) bytes.length = at;
      expectRejectedOrCovered(Uint8Array.from(bytes));
    }),
    { numRuns: 1000 },
  );
});

test('rejects random JSON headers with a CheckpointError, or parses them', () => {
  const size = fc.oneof(fc.nat(8), fc.constantFrom(-1, 0.5, 2 ** 53, 1e300, null, '1'));
  const described = fc.record(
    {
      dtype: fc.constantFrom('F32', 'U8', 'F4', 'F6_E2M3', 'f32', '', 7, 'toString'),
      shape: fc.oneof(fc.array(size, { maxLength: 3 }), fc.json()),
      data_offsets: fc.oneof(fc.tuple(size, size), fc.array(size)),
    },
    { requiredKeys: [] },
  );
  const header = fc.dictionary(fc.string({ maxLength: 3 }), fc.oneof(described, fc.jsonValue()), {
    maxKeys: 3,
  });
  fc.assert(
    fc.property(header, fc.nat(16), (json, dataBytes) => {
      const text = Buffer.from(JSON.stringify(json));
      const length = Buffer.alloc(8);
      length.writeBigUInt64LE(BigInt(text.length));
      expectRejectedOrCovered(Buffer.concat([length, text, Buffer.alloc(dataBytes)]));
    }),
    { numRuns: 2000 },
  );
});

/** Expects a CheckpointError of one line, or tensors that cover the data exactly. */
function expectRejectedOrCovered(bytes: Uint8Array): void {
  try {
    const { tensors } = parseSafetensors('w', bytes);
    const header = 8 + Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true));
    const covered = [...tensors.values()].reduce((sum, { data }) => sum + data.length, 0);
    expect(header + covered).toBe(bytes.length);
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error;
    expect(error.message).not.toContain('\n');
  }
}

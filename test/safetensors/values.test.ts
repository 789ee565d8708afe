import { expect, test } from 'vitest';
import { type DataType, float32Values, int32Values, safeTensor } from '../../src/safetensors/index.ts';

function tensor(dtype: DataType, values: ArrayBufferView) {
  return { dtype, shape: [1], data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

test('converts float16 to float32 exactly', () => {
  const bits = Uint16Array.of(
    0x3c00,
    0xc000,
    0x3555,
    0x0001,
    0x03ff,
    0x0400,
    0x7bff,
    0x8000,
    0x7c00,
    0xfc00,
    0x7e00,
  );
  expect([...float32Values('w', tensor('F16', bits))]).toEqual([
    1,
    -2,
    0.333251953125,
    2 ** -24,
    1023 * 2 ** -24,
    2 ** -14,
    65504,
    -0,
    Number.POSITIVE_INFINITY,
    Number.NEGATIVE_INFINITY,
    Number.NaN,
  ]);
});

test('converts bfloat16 to float32 exactly', () => {
  const bits = Uint16Array.of(0x3f80, 0xc000, 0x4049, 0x7f7f, 0xff80, 0x0001);
  expect([...float32Values('w', tensor('BF16', bits))]).toEqual([
    1,
    -2,
    3.140625,
    3.3895313892515355e38,
    Number.NEGATIVE_INFINITY,
    2 ** -133,
  ]);
});

test('returns a view of aligned float32 bytes and a copy of others', () => {
  const bytes = new Uint8Array(13);
  new DataView(bytes.buffer).setFloat32(4, 1.5, true);
  const aligned = bytes.subarray(4, 8);
  expect(float32Values('w', { dtype: 'F32', shape: [1], data: aligned }).buffer).toBe(bytes.buffer);
  bytes.copyWithin(5, 4, 8);
  expect([...float32Values('w', { dtype: 'F32', shape: [1], data: bytes.subarray(5, 9) })]).toEqual([1.5]);
});

test('rounds float64 to float32', () => {
  expect([...float32Values('w', tensor('F64', Float64Array.of(0.1)))]).toEqual([Math.fround(0.1)]);
});

test.each([
  ['I64', BigInt64Array.of(-7n)],
  ['I16', Int16Array.of(-7)],
  ['I8', Int8Array.of(-7)],
  ['I32', Int32Array.of(-7)],
] as const)('converts %s to int32', (dtype, values) => {
  expect([...int32Values('w', tensor(dtype, values))]).toEqual([-7]);
});

test('accepts exactly the range of 32-bit integers', () => {
  const least = -(2n ** 31n);
  const values = tensor('I64', BigInt64Array.of(least, 2n ** 31n - 1n));
  expect([...int32Values('w', values)]).toEqual([-2147483648, 2147483647]);
  for (const value of [least - 1n, 2n ** 31n])
    expect(() => int32Values('w', tensor('I64', BigInt64Array.of(value)))).toThrow(
      `w: ${value} does not fit into 32 bits`,
    );
});

test('rejects integers beyond 32 bits and unsupported types, with the name of the tensor', () => {
  expect(() => int32Values('w', tensor('U64', BigUint64Array.of(2n ** 31n)))).toThrow(
    'w: 2147483648 does not fit into 32 bits',
  );
  expect(() => int32Values('w', tensor('F32', Float32Array.of(1)))).toThrow('w: not an integer tensor (F32)');
  expect(() => float32Values('w', safeTensor(Int32Array.of(1), [1]))).toThrow(
    'w: not a supported floating-point tensor (I32)',
  );
  expect(() => float32Values('w', tensor('F8_E4M3', Uint8Array.of(1)))).toThrow(
    'w: not a supported floating-point tensor (F8_E4M3)',
  );
});

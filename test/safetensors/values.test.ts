import { expect, test } from 'vitest';
import type { DataType } from '../../src/safetensors/index.ts';
import { float32Values, int32Values, safeTensor } from '../../src/safetensors/index.ts';

function tensor(dtype: DataType, values: ArrayBufferView) {
  return { dtype, shape: [1], data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

test('half precision becomes the same number in float32', () => {
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

test('bfloat16 becomes the same number in float32', () => {
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

test('float32 is not copied where its place in memory allows, and right where it does not', () => {
  const bytes = new Uint8Array(13);
  new DataView(bytes.buffer).setFloat32(4, 1.5, true);
  const aligned = bytes.subarray(4, 8);
  expect(float32Values('w', { dtype: 'F32', shape: [1], data: aligned }).buffer).toBe(bytes.buffer);
  bytes.copyWithin(5, 4, 8);
  expect([...float32Values('w', { dtype: 'F32', shape: [1], data: bytes.subarray(5, 9) })]).toEqual([1.5]);
});

test('doubles are rounded', () => {
  expect([...float32Values('w', tensor('F64', Float64Array.of(0.1)))]).toEqual([Math.fround(0.1)]);
});

test.each([
  ['I64', BigInt64Array.of(-7n)],
  ['I16', Int16Array.of(-7)],
  ['I8', Int8Array.of(-7)],
  ['I32', Int32Array.of(-7)],
] as const)('%s gives whole numbers', (dtype, values) => {
  expect([...int32Values('w', tensor(dtype, values))]).toEqual([-7]);
});

test('numbers beyond 32 bits and types of another kind are named', () => {
  expect(() => int32Values('w', tensor('U64', BigUint64Array.of(2n ** 31n)))).toThrow('w: holds 2147483648');
  expect(() => int32Values('w', tensor('F32', Float32Array.of(1)))).toThrow('w: has type F32');
  expect(() => float32Values('w', safeTensor(Int32Array.of(1), [1]))).toThrow('w: has type I32');
  expect(() => float32Values('w', tensor('F8_E4M3', Uint8Array.of(1)))).toThrow('w: has type F8_E4M3');
});

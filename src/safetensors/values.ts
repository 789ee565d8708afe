import { CheckpointError } from '../errors.ts';
import type { DataType } from './data-type.ts';
import type { SafeTensor } from './safetensors.ts';

/** Little-endian 16-bit patterns to numbers. */
const FROM_16_BITS = { F16: halfToNumber, BF16: brainToNumber } as const;

/** How a typed array reads each integer type. */
const INTEGERS: { readonly [type in DataType]?: View<ArrayLike<number | bigint>> } = {
  BOOL: Uint8Array,
  U8: Uint8Array,
  I8: Int8Array,
  U16: Uint16Array,
  I16: Int16Array,
  U32: Uint32Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
};

/**
 * The values of a floating-point tensor as float32: a view of an F32 tensor where its place in memory allows,
 * else a copy; F64 is rounded.
 *
 * @throws CheckpointError naming the type when it is another
 */
export function float32Values(name: string, { dtype, data }: SafeTensor): Float32Array {
  if (dtype === 'F32') return viewOf(Float32Array, data);
  if (dtype === 'F64') return Float32Array.from(viewOf(Float64Array, data));
  if (dtype === 'F16' || dtype === 'BF16') {
    return Float32Array.from(viewOf(Uint16Array, data), FROM_16_BITS[dtype]);
  }
  throw new CheckpointError(
    'invalid-checkpoint',
    `${name}: has type ${dtype}, expected are weights as F32, F64, F16 or BF16`,
  );
}

/**
 * The values of an integer tensor as int32.
 *
 * @throws CheckpointError naming the type or the value when they do not fit
 */
export function int32Values(name: string, { dtype, data }: SafeTensor): Int32Array {
  if (dtype === 'I32') return viewOf(Int32Array, data);
  const type = INTEGERS[dtype];
  if (!type)
    throw new CheckpointError('invalid-checkpoint', `${name}: has type ${dtype}, expected are whole numbers`);
  return Int32Array.from(viewOf(type, data), (value) => {
    if (value < -(2 ** 31) || value >= 2 ** 31) {
      throw new CheckpointError('invalid-checkpoint', `${name}: holds ${value}, which does not fit 32 bits`);
    }
    return Number(value);
  });
}

/** A tensor over the memory of `values`, without a copy. */
export function safeTensor(
  values: Float32Array | Int32Array | Uint8Array,
  shape: readonly number[],
): SafeTensor {
  const dtype = values instanceof Float32Array ? 'F32' : values instanceof Int32Array ? 'I32' : 'U8';
  return { dtype, shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

interface View<T> {
  new (buffer: ArrayBufferLike, offset?: number, length?: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

function viewOf<T>(type: View<T>, data: Uint8Array): T {
  const aligned = data.byteOffset % type.BYTES_PER_ELEMENT === 0 ? data : data.slice();
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / type.BYTES_PER_ELEMENT);
}

/** IEEE 754 binary16: 1 bit sign, 5 bits exponent with bias 15, 10 bits fraction. */
function halfToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const WORD = new Uint32Array(1);
const FLOAT = new Float32Array(WORD.buffer);

/** bfloat16: the upper half of a float32. */
function brainToNumber(bits: number): number {
  WORD[0] = bits << 16;
  return FLOAT[0]!;
}

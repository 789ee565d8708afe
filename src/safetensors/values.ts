import { checkArgument, checkText, wrongArgument } from '../arguments.ts';
import { CheckpointError } from '../errors.ts';
import type { DataType } from './data-type.ts';
import { requireTensor, type SafeTensor } from './safetensors.ts';

/** Conversions of 16-bit patterns to numbers. */
const FROM_16_BITS = { F16: float16ToNumber, BF16: bfloat16ToNumber } as const;

/** The typed array that reads each integer dtype. */
const INTEGER_ARRAYS: { readonly [dtype in DataType]?: View<ArrayLike<number | bigint>> } = {
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
 * The elements of a floating-point tensor as float32, row-major. A view of an F32 tensor if its bytes are aligned,
 * otherwise a copy. F64 is rounded.
 *
 * @param name names the tensor in errors
 * @param tensor of any shape, dtype F32, F64, F16 or BF16
 * @throws UsageError if an argument is not what its type says
 * @throws CheckpointError if the tensor has another dtype
 * @example
 * const { tensors } = await readSafetensors('model.safetensors');
 * const bias = float32Values('linear.bias', tensors.get('linear.bias')!);
 */
export function float32Values(name: string, tensor: SafeTensor): Float32Array {
  checkText('name', name);
  requireTensor(name, tensor);
  const { dtype, data } = tensor;
  if (dtype === 'F32') return viewOf(Float32Array, data);
  if (dtype === 'F64') return Float32Array.from(viewOf(Float64Array, data));
  if (dtype === 'F16' || dtype === 'BF16') {
    return Float32Array.from(viewOf(Uint16Array, data), FROM_16_BITS[dtype]);
  }
  throw new CheckpointError(
    'invalid-checkpoint',
    `${name}: not a supported floating-point tensor (${dtype}); expected F32, F64, F16 or BF16`,
  );
}

/**
 * The elements of an integer tensor as int32, row-major. A view of an I32 tensor if its bytes are aligned, otherwise
 * a copy.
 *
 * @param name names the tensor in errors
 * @param tensor of any shape, with an integer dtype or BOOL
 * @throws UsageError if an argument is not what its type says
 * @throws CheckpointError if the tensor has another dtype, or an element does not fit into 32 bits
 * @example
 * const { tensors } = await readSafetensors('labels.safetensors');
 * const labels = int32Values('labels', tensors.get('labels')!);
 */
export function int32Values(name: string, tensor: SafeTensor): Int32Array {
  checkText('name', name);
  requireTensor(name, tensor);
  const { dtype, data } = tensor;
  if (dtype === 'I32') return viewOf(Int32Array, data);
  const type = INTEGER_ARRAYS[dtype];
  if (!type) throw new CheckpointError('invalid-checkpoint', `${name}: not an integer tensor (${dtype})`);
  return Int32Array.from(viewOf(type, data), (value) => {
    if (value < -(2 ** 31) || value >= 2 ** 31) {
      throw new CheckpointError('invalid-checkpoint', `${name}: ${value} does not fit into 32 bits`);
    }
    return Number(value);
  });
}

/**
 * A tensor over the memory of `values`, without a copy: dtype F32, I32 or U8 by the class of the array.
 *
 * @param values row-major elements, as many as `shape` has
 * @throws UsageError if an argument is not what its type says
 * @example
 * safeTensor(Float32Array.of(1, 2, 3, 4), [2, 2]); // { dtype: 'F32', shape: [2, 2], data: ... }
 */
export function safeTensor(
  values: Float32Array | Int32Array | Uint8Array,
  shape: readonly number[],
): SafeTensor {
  checkArgument('shape', shape, 'numbers');
  const types = [Float32Array, Int32Array, Uint8Array];
  if (!types.some((type) => values instanceof type))
    throw wrongArgument('values', 'a Float32Array, Int32Array or Uint8Array', values);
  const dtype = values instanceof Float32Array ? 'F32' : values instanceof Int32Array ? 'I32' : 'U8';
  return { dtype, shape, data: new Uint8Array(values.buffer, values.byteOffset, values.byteLength) };
}

/** A typed array's constructor. */
interface View<T> {
  new (buffer: ArrayBufferLike, offset?: number, length?: number): T;
  readonly BYTES_PER_ELEMENT: number;
}

/** The bytes read as elements of `type`; copied only if they are not aligned. */
function viewOf<T>(type: View<T>, data: Uint8Array): T {
  const aligned = data.byteOffset % type.BYTES_PER_ELEMENT === 0 ? data : data.slice();
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / type.BYTES_PER_ELEMENT);
}

/** IEEE 754 binary16: 1 sign bit, 5 exponent bits with bias 15, 10 fraction bits. */
function float16ToNumber(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = bits & 0x3ff;
  if (exponent === 0x1f) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

const WORD = new Uint32Array(1);
/** The bits of `WORD` as a float32. */
const FLOAT = new Float32Array(WORD.buffer);

/** bfloat16: the upper 16 bits of a float32. */
function bfloat16ToNumber(bits: number): number {
  WORD[0] = bits << 16;
  return FLOAT[0]!;
}

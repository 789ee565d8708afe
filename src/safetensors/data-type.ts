/**
 * Element types and their sizes in bits, ranked as in the reference implementation (github.com/huggingface/safetensors,
 * `enum Dtype`): files store tensors of higher-ranked types first.
 */
const BITS = {
  BOOL: 8,
  F4: 4,
  F6_E2M3: 6,
  F6_E3M2: 6,
  U8: 8,
  I8: 8,
  F8_E5M2: 8,
  F8_E4M3: 8,
  F8_E8M0: 8,
  I16: 16,
  U16: 16,
  F16: 16,
  BF16: 16,
  I32: 32,
  U32: 32,
  F32: 32,
  C64: 64,
  F64: 64,
  I64: 64,
  U64: 64,
} as const;

/** The element type of a tensor, as safetensors files name it. */
export type DataType = keyof typeof BITS;

/** All element types, lowest rank first. */
export const DATA_TYPES = Object.keys(BITS) as DataType[];

export function isDataType(name: unknown): name is DataType {
  return typeof name === 'string' && Object.hasOwn(BITS, name);
}

/**
 * The size of a tensor in bytes.
 *
 * @returns `undefined` if the size is not a whole number of bytes or is too large to be exact
 */
export function byteSize(dtype: DataType, shape: readonly number[]): number | undefined {
  // A product that overflows to infinity times 0 would be NaN.
  const elements = shape.includes(0) ? 0 : shape.reduce((product, size) => product * size, 1);
  const bits = elements * BITS[dtype];
  return Number.isSafeInteger(bits) && bits % 8 === 0 ? bits / 8 : undefined;
}

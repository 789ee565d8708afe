/**
 * Element types with their size in bits, in the order in which the reference implementation ranks them
 * (github.com/huggingface/safetensors, `enum Dtype`); files list tensors of later types first.
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

/** An element type as files name it. */
export type DataType = keyof typeof BITS;

/** In the order of the reference implementation. */
export const DATA_TYPES = Object.keys(BITS) as DataType[];

/** Whether a value names an element type. */
export function isDataType(name: unknown): name is DataType {
  return typeof name === 'string' && Object.hasOwn(BITS, name);
}

/** The size of one element in bits. */
export function bitsOf(dtype: DataType): number {
  return BITS[dtype];
}

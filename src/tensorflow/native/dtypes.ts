/**
 * Element types of TensorFlow, and tensors as data: their specs (dtype and shape) and their values. The rest
 * of this folder and the programs of `src/graph` are written in these terms.
 */

/** Element types by the names that tfjs and NumPy use. The numbers are those of TensorFlow's types.proto. */
export const dataTypeCodes = {
  float32: 1,
  int32: 3,
  uint8: 4,
  string: 7,
  complex64: 8,
  int64: 9,
  bool: 10,
  resource: 20,
} as const;

export type DataType = keyof typeof dataTypeCodes;

/**
 * The elements of a tensor in row-major order. int64 takes two entries for each element, see `int64Words`.
 */
export type TensorValues = Float32Array | Int32Array | Uint8Array;

/** What a tensor is, without its values. */
export interface TensorSpec {
  readonly dtype: DataType;
  readonly shape: readonly number[];
}

/** A tensor whose values are in JavaScript. It may have element types that tfjs lacks: uint8 and int64. */
export interface HostTensor extends TensorSpec {
  readonly values: TensorValues;
}

export interface VariableSpec extends TensorSpec {
  readonly name: string;
}

const names = new Map<number, DataType>(
  Object.entries(dataTypeCodes).map(([name, code]) => [code, name as DataType]),
);

/** The name of an element type that the addon returned as a number. */
export function dataTypeOf(code: number): DataType {
  const name = names.get(code);
  if (name === undefined) throw new Error(`element type ${code} of TensorFlow is not supported`);
  return name;
}

/** int64 elements as the addon takes them: the low and the high 32-bit word of each, [2 * n]. */
export function int64Words(values: Int32Array): Int32Array {
  const words = new Int32Array(2 * values.length);
  for (let index = 0; index < values.length; index++) {
    words[2 * index] = values[index]!;
    words[2 * index + 1] = values[index]! >> 31;
  }
  return words;
}

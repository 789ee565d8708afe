/** TensorFlow's element types, named as tfjs and NumPy do; the numbers are those of its types.proto. */
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

/** Raw values of a constant: one element each, except int64, which takes two words (low, high). */
export type ConstantValues = Float32Array | Int32Array | Uint8Array;

const names = new Map<number, DataType>(
  Object.entries(dataTypeCodes).map(([name, code]) => [code, name as DataType]),
);

export function dataTypeOf(code: number): DataType {
  const name = names.get(code);
  if (name === undefined) throw new Error(`element type ${code} of TensorFlow has no name here`);
  return name;
}

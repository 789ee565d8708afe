import * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import type { HostTensor } from '../tensorflow/index.ts';

const INPUT_DTYPES = ['float32', 'int32', 'bool'];

/** Describes a value for an error message. */
export function describeValue(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'number' || typeof value === 'boolean') return `the ${typeof value} ${value}`;
  if (Array.isArray(value)) return 'an array';
  if (value instanceof Promise) return 'a promise';
  return typeof value === 'object' ? 'an object that is not a tensor' : `a ${typeof value}`;
}

/** @throws UsageError if `fn` is not a function */
export function requireFunction(fn: unknown): void {
  if (typeof fn === 'function') return;
  throw invalid(`the function: is ${describeValue(fn)}; pass a function of tensors`);
}

/** @throws UsageError if `inputs` is not a list of tensors, or of shapes with dtypes */
export function requireInputs(inputs: unknown): void {
  if (!Array.isArray(inputs)) {
    throw invalid(
      `inputs: is ${describeValue(inputs)}; pass a list with { shape, dtype } for each tensor that the function takes`,
    );
  }
  inputs.forEach((input, index) => {
    if (input instanceof tf.Tensor) requireTensor(input, index);
    else requireSpec(input, index);
  });
}

/** @throws UsageError if a compiled function cannot take the value */
export function requireInput(input: unknown, index: number): void {
  if (input instanceof tf.Tensor) requireTensor(input, index);
  else requireBytes(input, index);
}

/** @throws UsageError if `program` is not a program */
export function requireProgram(program: unknown): void {
  if (Array.isArray((program as { nodes?: unknown } | undefined)?.nodes)) return;
  throw invalid(`the program: is ${describeValue(program)}; pass the \`program\` that record() returns`);
}

/** @throws UsageError if the options of `compileFunction` are invalid */
export function requireCompileOptions(options: unknown): void {
  if (typeof options !== 'object' || options === null) {
    throw invalid(`options: is ${describeValue(options)}; pass an object`);
  }
  const { jit = false, maxShapes = 1 } = options as Record<string, unknown>;
  if (typeof jit !== 'boolean') throw invalid(`jit: is ${describeValue(jit)}; it must be true or false`);
  if (!Number.isInteger(maxShapes) || (maxShapes as number) < 1) {
    throw invalid(`maxShapes: is ${describeValue(maxShapes)}; it must be a whole number of at least 1`);
  }
}

function requireTensor(tensor: tf.Tensor, index: number): void {
  if (tensor.isDisposed) throw invalid(`input ${index}: is a tensor that has been disposed`);
  if (INPUT_DTYPES.includes(tensor.dtype)) return;
  throw invalid(
    `input ${index}: has dtype ${tensor.dtype}; a program takes ${INPUT_DTYPES.join(', ')}; call the function itself`,
  );
}

function requireSpec(spec: unknown, index: number): void {
  const { shape, dtype } = (spec ?? {}) as Partial<HostTensor>;
  const isShape = Array.isArray(shape) && shape.every((size) => Number.isInteger(size) && size >= 0);
  if (isShape && INPUT_DTYPES.includes(dtype as string)) return;
  throw invalid(
    `input ${index}: has no valid shape and dtype; pass a tensor, or { shape: [2, 3], dtype: 'float32' } (${INPUT_DTYPES.join(', ')})`,
  );
}

function requireBytes(input: unknown, index: number): void {
  const {
    dtype,
    shape,
    values,
    resident = false,
  } = (input ?? {}) as Partial<HostTensor> & {
    resident?: unknown;
  };
  if (dtype !== 'uint8' || !Array.isArray(shape) || !(values instanceof Uint8Array)) {
    const scalar = typeof input === 'number' ? `; pass tf.scalar(${input})` : '';
    throw invalid(
      `input ${index}: is ${describeValue(input)}; a compiled function takes tensors, or bytes as { dtype: 'uint8', shape, values }${scalar}`,
    );
  }
  if (typeof resident !== 'boolean') {
    throw invalid(`input ${index}: resident is ${describeValue(resident)}; it must be true or false`);
  }
  const size = tf.util.sizeFromShape(shape);
  if (size === values.length) return;
  throw invalid(`input ${index}: has ${values.length} bytes, but shape [${shape}] needs ${size}`);
}

function invalid(message: string): UsageError {
  return new UsageError('invalid-argument', message);
}

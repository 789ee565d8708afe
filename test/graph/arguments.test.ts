import * as tf from '@tensorflow/tfjs';
import { expect, expectTypeOf, test } from 'vitest';
import { UsageError } from '../../src/errors.ts';
import {
  type Bytes,
  compileFunction,
  countOps,
  programTable,
  RecordingError,
  record,
  simplify,
} from '../../src/graph/index.ts';
import { useDevice } from '../helpers/tensorflow.ts';

useDevice();

/** Calls that TypeScript would reject. */
const untyped = { compileFunction, countOps, programTable, record, simplify } as never as Record<
  string,
  (...values: unknown[]) => never
>;
const identity = compileFunction((x: tf.Tensor) => x) as unknown as (...inputs: unknown[]) => tf.Tensor;

test.for<[string, () => unknown, string]>([
  [
    'a number',
    () => identity(3),
    "input 0: is the number 3; a compiled function takes tensors, or bytes as { dtype: 'uint8', shape, values }; pass tf.scalar(3)",
  ],
  ['no tensor', () => identity(tf.ones([1]), undefined), 'input 1: is undefined; a compiled function takes'],
  ['an array', () => identity([1, 2]), 'input 0: is an array; a compiled function takes'],
  ['strings', () => identity(tf.tensor(['a'])), 'input 0: has dtype string; a program takes'],
  ['complex numbers', () => identity(tf.complex([1], [2])), 'input 0: has dtype complex64; a program takes'],
  [
    'too few bytes',
    () => identity({ dtype: 'uint8', shape: [2, 2], values: new Uint8Array(3) }),
    'input 0: has 3 bytes, but shape [2,2] needs 4',
  ],
  [
    'an invalid option of bytes',
    () => identity({ dtype: 'uint8', shape: [1], values: new Uint8Array(1), resident: 1 }),
    'input 0: resident is the number 1; it must be true or false',
  ],
  [
    'a disposed tensor',
    () => {
      const x = tf.ones([1]);
      identity(x);
      x.dispose();
      identity(x);
    },
    'input 0: is a tensor that has been disposed',
  ],
  ['no function', () => untyped.compileFunction!(undefined), 'the function: is undefined; pass a function'],
  [
    'options that are null',
    () => untyped.compileFunction!((x: tf.Tensor) => x, null),
    'options: is null; pass an object',
  ],
  [
    'an invalid jit',
    () => untyped.compileFunction!((x: tf.Tensor) => x, { jit: 'yes' }),
    'jit: is a string; it must be true or false',
  ],
  [
    'an invalid maxShapes',
    () => untyped.compileFunction!((x: tf.Tensor) => x, { maxShapes: 0 }),
    'maxShapes: is the number 0; it must be a whole number of at least 1',
  ],
  ['record without a function', () => untyped.record!({}, []), 'the function: is an object'],
  ['record without inputs', () => untyped.record!(() => []), 'inputs: is undefined; pass a list'],
  [
    'record with a number',
    () => untyped.record!(() => [], [2]),
    'input 0: has no valid shape and dtype; pass a tensor, or { shape: [2, 3]',
  ],
  [
    'record with an unknown dtype',
    () => untyped.record!(() => [], [{ shape: [2], dtype: 'float64' }]),
    'input 0: has no valid shape and dtype',
  ],
  ['simplify', () => untyped.simplify!(undefined), 'the program: is undefined; pass the `program`'],
  ['countOps', () => untyped.countOps!({}), 'the program: is an object'],
  ['programTable', () => untyped.programTable!(7), 'the program: is the number 7'],
])('%s as an argument gives one clear line', ([, call, line]) => {
  let error: unknown;
  try {
    call();
  } catch (thrown) {
    error = thrown;
  }
  expect(error).toBeInstanceOf(UsageError);
  expect((error as Error).message).not.toContain('\n');
  expect((error as Error).message.slice(0, line.length)).toBe(line);
});

test.for<[unknown, string]>([
  [undefined, 'undefined'],
  [3, 'the number 3'],
  [{ a: 1 }, 'an object that is not a tensor'],
  [Promise.resolve(), 'a promise'],
  [[1], 'a list with the number 1'],
])('a function that returns %o is refused', ([result, found]) => {
  const compiled = compileFunction(() => result as tf.Tensor);
  expect(() => compiled()).toThrow(
    new RecordingError(`the function: returns ${found}; it must return a tensor or a list of tensors`),
  );
});

test('the types of a compiled function are those of the function', () => {
  const product = compileFunction((x: tf.Tensor2D) => tf.matMul(x, x, false, true));
  expectTypeOf(product).parameters.toEqualTypeOf<[tf.Tensor2D | Bytes]>();
  const pair = compileFunction((x: tf.Tensor1D, k: tf.Scalar): [tf.Tensor, tf.Scalar] => [tf.mul(x, k), k]);
  expectTypeOf(pair).parameters.toEqualTypeOf<[tf.Tensor1D | Bytes, tf.Scalar | Bytes]>();
  expectTypeOf(pair).returns.toEqualTypeOf<[tf.Tensor, tf.Scalar]>();
  const any = compileFunction((...inputs) => tf.addN(inputs));
  expectTypeOf(any).parameters.toEqualTypeOf<(tf.Tensor | Bytes)[]>();
  expectTypeOf(record<[tf.Tensor2D]>)
    .parameter(0)
    .toExtend<(x: tf.Tensor2D) => readonly tf.Tensor[]>();
  // @ts-expect-error: a string is not a tensor
  expectTypeOf(compileFunction((x: string) => tf.tensor(x))).not.toBeAny;
  const { program } = record((x: tf.Tensor2D) => [tf.matMul(x, x)], [{ shape: [2, 2], dtype: 'float32' }]);
  expect(program.outputs).toHaveLength(1);
});

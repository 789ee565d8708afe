import { expect, test } from 'vitest';
import {
  explicitPrecisionAllowed,
  setTensorFloat32,
  withExplicitPrecision,
} from '../../src/tensorflow/tensor-float32.ts';

test('TF32 is allowed to TensorFlow only while products state their precision, also after an error', () => {
  const told: boolean[] = [];
  setTensorFloat32((allowed) => told.push(allowed), false);
  expect(explicitPrecisionAllowed()).toBe(true);
  expect(withExplicitPrecision(() => told.at(-1))).toBe(true);
  const fail = () => {
    throw new RangeError('no such thing');
  };
  expect(() => withExplicitPrecision(fail)).toThrow(RangeError);
  expect(told).toEqual([false, true, false, true, false]);
});

test('where the user allows TF32, products say nothing and nothing is switched', () => {
  const told: boolean[] = [];
  setTensorFloat32((allowed) => told.push(allowed), true);
  expect(explicitPrecisionAllowed()).toBe(false);
  withExplicitPrecision(() => {});
  expect(told).toEqual([true]);
});

import { expect, test } from 'vitest';
import {
  productsMayStatePrecision,
  setTensorFloat32,
  withStatedPrecision,
} from '../../src/tensorflow/tensor-float32.ts';

test('TF32 is allowed to TensorFlow only while products state their precision, also after an error', () => {
  const told: boolean[] = [];
  setTensorFloat32((allowed) => told.push(allowed), false);
  expect(productsMayStatePrecision()).toBe(true);
  expect(withStatedPrecision(() => told.at(-1))).toBe(true);
  const fail = () => {
    throw new RangeError('no such thing');
  };
  expect(() => withStatedPrecision(fail)).toThrow(RangeError);
  expect(told).toEqual([false, true, false, true, false]);
});

test('where the user allows TF32, products say nothing and nothing is switched', () => {
  const told: boolean[] = [];
  setTensorFloat32((allowed) => told.push(allowed), true);
  expect(productsMayStatePrecision()).toBe(false);
  withStatedPrecision(() => {});
  expect(told).toEqual([true]);
});

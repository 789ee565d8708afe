import { expect, test } from 'vitest';
import {
  explicitPrecisionAllowed,
  setTensorFloat32,
  withExplicitPrecision,
} from '../../src/tensorflow/tensor-float32.ts';

test('TF32 is allowed only while a graph with explicit precision runs, also after an error', () => {
  const applied: boolean[] = [];
  setTensorFloat32((allowed) => applied.push(allowed) > 0, false);
  expect(explicitPrecisionAllowed()).toBe(true);
  expect(withExplicitPrecision(() => applied.at(-1))).toBe(true);
  const fail = () => {
    throw new RangeError('failed');
  };
  expect(() => withExplicitPrecision(fail)).toThrow(RangeError);
  expect(applied).toEqual([false, true, false, true, false]);
});

test('if the user allows TF32, products have no explicit precision and the setting stays', () => {
  const applied: boolean[] = [];
  setTensorFloat32((allowed) => applied.push(allowed) > 0, true);
  expect(explicitPrecisionAllowed()).toBe(false);
  withExplicitPrecision(() => {});
  expect(applied).toEqual([true]);
});

import { expect, test } from 'vitest';
import { TensorFlowError } from '../../src/errors.ts';
import { deviceErrorOfOp } from '../../src/tensorflow/native-error.ts';

test.for([
  ['Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[30000,8192]', /^not enough memory;/],
  ['Invalid TF_Status: 8\nMessage: failed to allocate memory', /^not enough memory;/],
  ['Invalid TF_Status: 13\nMessage: the function failed to launch on the GPU', /^not enough memory;/],
  ['Invalid TF_Status: 13\nMessage: CUDA_ERROR_ILLEGAL_ADDRESS', /^the GPU stopped working;/],
] as const)('%j is one line with what to do', ([message, line]) => {
  const error = deviceErrorOfOp(new Error(message));
  expect(error).toBeInstanceOf(TensorFlowError);
  expect(error?.message).toMatch(line);
  expect(error?.message).not.toContain('\n');
});

test('other errors stay as they are', () => {
  expect(deviceErrorOfOp(new Error('Invalid TF_Status: 3\nMessage: matrices do not fit'))).toBeUndefined();
  expect(deviceErrorOfOp(new Error('out of memory'))).toBeUndefined();
  expect(deviceErrorOfOp('OOM when')).toBeUndefined();
});

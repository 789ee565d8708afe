import { expect, test } from 'vitest';
import { DeviceError, deviceErrorOfOp } from '../../src/tensorflow/index.ts';

test.for([
  ['Invalid TF_Status: 8\nMessage: OOM when allocating tensor with shape[30000,8192]', 'out-of-memory'],
  ['Invalid TF_Status: 8\nMessage: failed to allocate memory', 'out-of-memory'],
  ['Invalid TF_Status: 13\nMessage: the function failed to launch on the GPU', 'out-of-memory'],
  ['Invalid TF_Status: 13\nMessage: CUDA_ERROR_ILLEGAL_ADDRESS', 'device-lost'],
] as const)("an op's error %j has the code %s and one line with TensorFlow's message", ([message, code]) => {
  const error = deviceErrorOfOp(new Error(message));
  expect(error).toBeInstanceOf(DeviceError);
  expect(error).toMatchObject({ code, exitCode: 6 });
  expect(error?.message).toContain(`(${message.replace('\n', ' ')})`);
});

test('other errors of ops, and errors from elsewhere, are not device errors', () => {
  expect(deviceErrorOfOp(new Error('Invalid TF_Status: 3\nMessage: matrices do not fit'))).toBeUndefined();
  expect(deviceErrorOfOp(new Error('out of memory'))).toBeUndefined();
  expect(deviceErrorOfOp('OOM when')).toBeUndefined();
});

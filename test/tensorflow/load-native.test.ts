import { expect, test } from 'vitest';
import { TensorFlowError } from '../../src/errors.ts';
import { requireFloat32 } from '../../src/tensorflow/load-native.ts';

const gpu = { name: '@tensorflow/tfjs-node-gpu', device: 'cuda', marker: undefined } as const;
const marker = { tensorflow: '2.21.0', libraries: '/lib', key: 'k', sizes: {} };
const problem = '@tensorflow/tfjs-node-gpu: its addon was not compiled by the set-up of tfjs-lora';

test('an addon for a GPU that set-up did not compile is refused, because products would run in TF32', () => {
  expect(() => requireFloat32(gpu, {})).toThrow(TensorFlowError);
  expect(() => requireFloat32(gpu, { tf32: false })).toThrow(
    `${problem}, so float32 products would be computed in TF32, with a 10-bit mantissa`,
  );
  expect(() => requireFloat32({ ...gpu, device: 'cpu' }, {})).not.toThrow();
  expect(() => requireFloat32({ ...gpu, marker }, {})).not.toThrow();
});

test('with TF32 such an addon is used, and one line says that it has no CUDA graphs', () => {
  const lines: string[] = [];
  const options = { tf32: true, onNotice: (line: string) => lines.push(line) };
  requireFloat32({ ...gpu, marker }, options);
  expect(lines).toEqual([]);
  requireFloat32(gpu, options);
  expect(lines).toEqual([`${problem}, so training with XLA runs without CUDA graphs, which is slower`]);
});

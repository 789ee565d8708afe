import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TensorFlowError } from '../../src/errors.ts';
import { addonFiles } from '../../src/setup/index.ts';
import { requireFloat32 } from '../../src/tensorflow/load-native.ts';
import { temporaryFolder } from '../helpers/temporary.ts';

test('an addon for a GPU that set-up did not compile is refused, because products would run in TF32', async () => {
  const addonFolder = await temporaryFolder();
  const gpu = { name: '@tensorflow/tfjs-node-gpu', device: 'cuda', addonFolder } as const;
  expect(() => requireFloat32(gpu, {})).toThrow(TensorFlowError);
  expect(() => requireFloat32(gpu, { tf32: false })).toThrow(
    '@tensorflow/tfjs-node-gpu: its addon was not compiled by the set-up of tfjs-lora, so float32 products would be computed in TF32, with a 10-bit mantissa',
  );
  expect(() => requireFloat32(gpu, { tf32: true })).not.toThrow();
  expect(() => requireFloat32({ ...gpu, device: 'cpu' }, {})).not.toThrow();
  writeFileSync(join(addonFolder, addonFiles.preload), '');
  expect(() => requireFloat32(gpu, {})).not.toThrow();
});

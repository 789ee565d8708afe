import { beforeAll } from 'vitest';
import { type DeviceName, loadTensorFlow } from '../../src/tensorflow/index.ts';

/** The device under test: `cuda` in `npm run test:gpu`, `wasm` in `npm run test:wasm`, else `cpu`. */
const testDevice = (process.env.TFJS_LORA_TEST_DEVICE ?? 'cpu') as 'cpu' | 'cuda' | 'wasm';

/** Makes a device the backend before the tests of a file; one thread, so that sums have one order. */
export function useDevice(device: Exclude<DeviceName, 'auto'> = testDevice): void {
  beforeAll(async () => {
    await loadTensorFlow({ device, threads: 1 });
  });
}

import { beforeAll } from 'vitest';
import { type DeviceName, loadTensorFlow } from '../../src/tensorflow/index.ts';

/** The native device under test: `cpu`, or `cuda` in `npm run test:gpu`. */
const nativeDevice = process.env.TFJS_LORA_TEST_DEVICE === 'cuda' ? 'cuda' : 'cpu';

/** Makes a device the backend before the tests of a file; one thread, so that sums have one order. */
export function useDevice(device: Exclude<DeviceName, 'auto'> = nativeDevice): void {
  beforeAll(async () => {
    await loadTensorFlow({ device, threads: 1 });
  });
}

import { beforeAll } from 'vitest';
import { type DeviceName, loadTensorFlow } from '../../src/tensorflow/index.ts';

/** Makes a device the backend before the tests of a file; one thread, so that sums have one order. */
export function useDevice(device: Exclude<DeviceName, 'auto'>): void {
  beforeAll(async () => {
    await loadTensorFlow({ device, threads: 1 });
  });
}

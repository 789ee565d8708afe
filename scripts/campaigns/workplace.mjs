// Small data sets and runs for the campaigns.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeMnist } from '../../dist/mnist-data-loader/index.js';

/**
 * Runs work in a new temporary folder, which is removed afterwards.
 *
 * @template T
 * @param {(folder: string) => Promise<T>} work
 */
export async function inTemporaryFolder(work) {
  const folder = await mkdtemp(join(tmpdir(), 'tfjs-lora-campaign-'));
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/**
 * Writes a data set of 40 training and 20 test images of 4 x 4 pixels. The pixels of row i are noise around a value that
 * depends on the label.
 *
 * @param {string} folder
 * @param {{ gzip?: boolean }} [options]
 */
export async function writeSmallSet(folder, options = {}) {
  await writeMnist(folder, { train: images(40, 0), test: images(20, 3) }, options);
}

/**
 * @param {number} count
 * @param {number} offset
 */
function images(count, offset) {
  const labels = Uint8Array.from({ length: count }, (_, index) => index % 10);
  const pixels = Uint8Array.from({ length: count * 16 }, (_, index) => {
    const row = Math.floor(index / 16);
    return (23 * (row % 10) + 7 * (index % 16) + 5 * row + offset) % 256;
  });
  return { images: pixels, labels, count, height: 4, width: 4, classes: 10 };
}

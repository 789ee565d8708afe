import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { TensorFlowError } from '../errors.ts';
import { ensureDir } from '../files/index.ts';

/** The files that are used of all wheels together. No two wheels have a file of the same path. */
const usedFiles = [
  /^tensorflow\/include\/(?:tensorflow\/c|tensorflow\/core\/platform|tsl|xla\/tsl)\//, // included by the addon
  /^tensorflow\/libtensorflow_(?:cc|framework)\.so\.2$/,
  /^nvidia\/\w+\/lib\/lib(?!nvblas|cufftw|cusolverMg)[A-Za-z_-]+\.so\.[\d.]+$/,
  /^nvidia\/cuda_nvcc\/(?:bin\/ptxas|nvvm\/libdevice\/.+)$/, // XLA compiles with these
  /^tensorflow\/THIRD_PARTY_NOTICES\.txt$|^[^/]+\.dist-info\/.*(?:LICEN[CS]E|NOTICE|METADATA)/i,
];

/** @throws TensorFlowError if the file has another SHA-256 */
export async function checkSha256(path: string, expected: string): Promise<void> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  const actual = hash.digest('hex');
  if (actual === expected) return;
  throw new TensorFlowError(
    'setup-failed',
    `${path}: SHA-256 is ${actual}, expected ${expected}; the file is damaged or another one`,
  );
}

/** Unpacks the files of a wheel that are used. */
export async function unpackWheel(path: string, folder: string): Promise<void> {
  const { openPromise } = await import('yauzl');
  const archive = await openPromise(path);
  for await (const entry of archive.eachEntry()) {
    const name = normalize(entry.fileName);
    if (name.endsWith('/') || !usedFiles.some((pattern) => pattern.test(name))) continue;
    const target = join(folder, name);
    await ensureDir(dirname(target));
    const mode = name.includes('/bin/') ? 0o755 : 0o644;
    await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(target, { mode }));
  }
}

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, mkdirSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { SetupError } from './setup-error.mjs';

/** What is needed of all wheels together; no two have a file of the same path. */
const wanted = [
  /^tensorflow\/include\/(?:tensorflow\/c|tensorflow\/core\/platform|tsl|xla\/tsl)\//, // included by the addon
  /^tensorflow\/libtensorflow_(?:cc|framework)\.so\.2$/,
  /^nvidia\/\w+\/lib\/lib(?!nvblas|cufftw|cusolverMg)[A-Za-z_-]+\.so\.[\d.]+$/,
  /^nvidia\/cuda_nvcc\/(?:bin\/ptxas|nvvm\/libdevice\/.+)$/, // XLA compiles with these
  /^tensorflow\/THIRD_PARTY_NOTICES\.txt$|^[^/]+\.dist-info\/.*(?:LICEN[CS]E|NOTICE|METADATA)/i,
];

/**
 * @param {string} path
 * @param {string} sha256 what it must be
 */
export async function checkSha256(path, sha256) {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path, { highWaterMark: 1 << 20 }), hash);
  const found = hash.digest('hex');
  if (found !== sha256) {
    throw new SetupError(`${path}: SHA-256 is ${found}, expected ${sha256}; it is damaged or another file`);
  }
}

/**
 * Unpacks what is needed of a wheel.
 *
 * @param {string} path
 * @param {string} folder
 */
export async function unpackWheel(path, folder) {
  const { openPromise } = await import('yauzl');
  const archive = await openPromise(path);
  for await (const entry of archive.eachEntry()) {
    const name = normalize(entry.fileName);
    if (name.endsWith('/') || !wanted.some((pattern) => pattern.test(name))) continue;
    const target = join(folder, name);
    mkdirSync(dirname(target), { recursive: true });
    const mode = name.includes('/bin/') ? 0o755 : 0o644;
    await pipeline(await archive.openReadStreamPromise(entry), createWriteStream(target, { mode }));
  }
}

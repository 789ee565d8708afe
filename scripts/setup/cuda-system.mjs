import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { cudaLibraries } from './cuda-libraries.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * A CUDA toolkit that the system has, named by TFJS_LORA_CUDA.
 *
 * @typedef {object} SystemCuda
 * @property {string} folder
 * @property {string} id names it in the cache folder
 * @property {ReadonlyMap<string, string>} libraries path of each shared library by its name
 */

/** Where cuDNN and NCCL are when the toolkit's folder lacks them. */
const systemFolders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/local/lib'];

/** Libraries that TensorFlow needs from CUDA 12 itself, by their wheels: CUDA 13's have another interface. */
const onlyCuda12 = {
  'nvidia-cuda-runtime-cu12': 'libcudart.so.12',
  'nvidia-cuda-cupti-cu12': 'libcupti.so.12',
};

/**
 * @returns {SystemCuda | undefined} undefined where TFJS_LORA_CUDA is not set
 * @throws SetupError when it lacks a tool or a library
 */
export function systemCuda() {
  const given = process.env.TFJS_LORA_CUDA;
  if (!given) return undefined;
  const folder = resolve(given);
  if (!existsSync(join(folder, 'bin', 'ptxas'))) {
    throw new SetupError(
      `TFJS_LORA_CUDA=${given}: has no bin/ptxas; it must be the folder of a CUDA toolkit, such as /usr/local/cuda`,
    );
  }
  const libraries = sharedLibraries(folder);
  for (const { name, inCuda13 } of cudaLibraries) {
    if (libraries.has(name) || (inCuda13 ? libraries.has(inCuda13) : libraries.has('libcublas.so.13')))
      continue;
    throw new SetupError(
      `${name}: not found in ${folder} nor in ${systemFolders.join(', ')}; install it, or unset TFJS_LORA_CUDA`,
    );
  }
  return { folder, id: `cuda-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`, libraries };
}

/**
 * The wheels that are needed besides the system's CUDA.
 *
 * @param {SystemCuda} system
 * @param {readonly import('./releases.mjs').Wheel[]} wheels
 */
export function wheelsBesides(system, wheels) {
  const lacking = Object.entries(onlyCuda12).filter(([, library]) => !system.libraries.has(library));
  const own = lacking.map(([wheel]) => wheel);
  return wheels.filter(({ name }) => name === 'tensorflow' || own.includes(name));
}

/**
 * Links the system's libraries to where TensorFlow's search path expects those of NVIDIA's wheels. All of the
 * system's are linked into one folder, under CUDA 12's names where they have others, since they look for each
 * other beside themselves.
 *
 * @param {SystemCuda} system
 * @param {string} folder
 */
export function linkSystemCuda(system, folder) {
  const nvidia = join(folder, 'nvidia');
  const all = join(nvidia, 'system', 'lib');
  rmSync(all, { recursive: true, force: true });
  mkdirSync(all, { recursive: true });
  for (const [name, path] of system.libraries) symlinkSync(path, join(all, name));
  for (const { part, name, inCuda13 } of cudaLibraries) {
    const found = system.libraries.get(name) ?? system.libraries.get(inCuda13 ?? '');
    if (!found) continue; // a wheel brings it
    if (!existsSync(join(all, name))) symlinkSync(found, join(all, name));
    link(join('..', 'system', 'lib'), join(nvidia, part, 'lib'));
  }
  link(system.folder, join(nvidia, 'cuda_nvcc'));
}

/** @param {string} target @param {string} path */
function link(target, path) {
  rmSync(path, { recursive: true, force: true });
  mkdirSync(dirname(path), { recursive: true });
  symlinkSync(target, path);
}

/**
 * @param {string} folder
 * @returns {Map<string, string>}
 */
function sharedLibraries(folder) {
  const found = new Map();
  const toolkit = ['lib64', 'lib', 'targets/x86_64-linux/lib', 'extras/CUPTI/lib64'].map((name) =>
    join(folder, name),
  );
  for (const place of [...toolkit, ...systemFolders]) {
    if (!existsSync(place)) continue;
    for (const name of readdirSync(place)) {
      if (/^lib(?:cu|nv|nccl).*\.so\.\d+$/.test(name) && !found.has(name)) found.set(name, join(place, name));
    }
  }
  return found;
}

import { createHash } from 'node:crypto';
import { existsSync, readdirSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { TensorFlowError } from '../errors.ts';
import { ensureDir } from '../files/index.ts';
import { cudaLibraries } from './cuda-libraries.ts';
import type { Wheel } from './releases.ts';

/** A CUDA toolkit of the system, as `TFJS_LORA_CUDA` names it. */
export interface SystemCuda {
  readonly folder: string;
  /** Its name in the cache folder. */
  readonly id: string;
  /** Paths of the shared libraries, by file name. */
  readonly libraries: ReadonlyMap<string, string>;
}

/** Where cuDNN and NCCL are if they are not in the toolkit's folder. */
const systemFolders = ['/usr/lib/x86_64-linux-gnu', '/usr/lib64', '/usr/local/lib'];

/** Libraries that must be CUDA 12's, because CUDA 13's have another interface: wheel and file name. */
const onlyCuda12 = {
  'nvidia-cuda-runtime-cu12': 'libcudart.so.12',
  'nvidia-cuda-cupti-cu12': 'libcupti.so.12',
};

/**
 * The toolkit that `TFJS_LORA_CUDA` names, or undefined if it is not set.
 *
 * @throws TensorFlowError if the toolkit lacks a tool or a library
 */
export function systemCuda(): SystemCuda | undefined {
  const value = process.env.TFJS_LORA_CUDA;
  if (!value) return undefined;
  const folder = resolve(value);
  if (!existsSync(join(folder, 'bin', 'ptxas'))) {
    throw new TensorFlowError(
      'setup-failed',
      `TFJS_LORA_CUDA=${value}: no bin/ptxas found; it must be the folder of a CUDA toolkit, such as /usr/local/cuda`,
    );
  }
  const libraries = sharedLibraries(folder);
  const isCuda13 = libraries.has('libcublas.so.13');
  for (const { name, inCuda13 } of cudaLibraries) {
    if (libraries.has(name)) continue;
    // A library without a CUDA 13 counterpart then comes from a wheel, see `wheelsWith`.
    if (inCuda13 ? libraries.has(inCuda13) : isCuda13) continue;
    throw new TensorFlowError(
      'setup-failed',
      `${name}: not found in ${folder} nor in ${systemFolders.join(', ')}; install it, or unset TFJS_LORA_CUDA`,
    );
  }
  return { folder, id: `cuda-${createHash('sha256').update(folder).digest('hex').slice(0, 8)}`, libraries };
}

/** The wheels that are still needed with the system's CUDA. */
export function wheelsWith(system: SystemCuda, wheels: readonly Wheel[]): Wheel[] {
  const missing = Object.entries(onlyCuda12)
    .filter(([, library]) => !system.libraries.has(library))
    .map(([wheel]) => wheel);
  return wheels.filter(({ name }) => name === 'tensorflow' || missing.includes(name));
}

/**
 * Links the system's libraries to the folders of NVIDIA's wheels, where TensorFlow searches for them. All are linked
 * into one folder first, because CUDA's libraries look for each other beside themselves; those of CUDA 13 are linked
 * there under CUDA 12's names as well.
 */
export async function linkSystemCuda(system: SystemCuda, folder: string): Promise<void> {
  const nvidia = join(folder, 'nvidia');
  const shared = join(nvidia, 'system', 'lib');
  rmSync(shared, { recursive: true, force: true });
  await ensureDir(shared);
  for (const [name, path] of system.libraries) symlinkSync(path, join(shared, name));
  for (const { part, name, inCuda13 } of cudaLibraries) {
    const path = system.libraries.get(name) ?? system.libraries.get(inCuda13 ?? '');
    if (!path) continue; // in a wheel
    if (!existsSync(join(shared, name))) symlinkSync(path, join(shared, name));
    await link(join('..', 'system', 'lib'), join(nvidia, part, 'lib'));
  }
  await link(system.folder, join(nvidia, 'cuda_nvcc'));
}

/** Makes `path` a link to `target`. */
async function link(target: string, path: string): Promise<void> {
  rmSync(path, { recursive: true, force: true });
  await ensureDir(dirname(path));
  symlinkSync(target, path);
}

/** The shared libraries of a toolkit and of the system, the toolkit's first. */
function sharedLibraries(toolkit: string): Map<string, string> {
  const libraries = new Map<string, string>();
  const ownFolders = ['lib64', 'lib', 'targets/x86_64-linux/lib', 'extras/CUPTI/lib64'].map((name) =>
    join(toolkit, name),
  );
  for (const folder of [...ownFolders, ...systemFolders].filter((path) => existsSync(path))) {
    for (const name of readdirSync(folder)) {
      const isCuda = /^lib(?:cu|nv|nccl).*\.so\.\d+$/.test(name);
      if (isCuda && !libraries.has(name)) libraries.set(name, join(folder, name));
    }
  }
  return libraries;
}

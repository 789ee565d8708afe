import {
  existsSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { TensorFlowError } from '../errors.ts';
import { ensureDir, withFileErrors } from '../files/index.ts';
import { cacheFolder } from './cache-folder.ts';
import { type SetUpListener, sizeText } from './listener.ts';
import type { NativeDevice } from './native-package.ts';
import { pipDownload } from './pip.ts';
import { type Release, releases, type Wheel } from './releases.ts';
import { linkSystemCuda, systemCuda, wheelsWith } from './system-cuda.ts';
import { checkSha256, unpackWheel } from './wheel.ts';
import { localWheel, wheelSource } from './wheel-source.ts';

/** TensorFlow's shared libraries and headers, ready to compile against. */
export interface TensorFlowLibraries {
  /** The folder of libtensorflow_cc.so.2. */
  readonly folder: string;
  readonly include: string;
  /** Size of libtensorflow_cc.so.2. */
  readonly sizeBytes: number;
  /** Folder with bin/ptxas and nvvm/libdevice; CUDA only. */
  readonly cudaTools?: string;
}

const mainLibrary = 'libtensorflow_cc.so.2';
/** The last file to be written: the size of each library, by its path. */
const manifestFile = 'complete.json';

/**
 * The libraries for a device if they are complete, or undefined if they have to be installed.
 *
 * @throws TensorFlowError if TFJS_LORA_TENSORFLOW or TFJS_LORA_CUDA is invalid
 */
export function findLibraries(device: NativeDevice): TensorFlowLibraries | undefined {
  const source = wheelSource();
  if (source?.kind === 'unpacked') return librariesIn(source.path);
  const folder = folderOf(device);
  return isComplete(folder) ? librariesIn(folder) : undefined;
}

/**
 * Downloads and unpacks the wheels of a release into the cache folder, or takes local ones. The files are put into a
 * folder `*.part`, which is renamed when complete. If set-up was interrupted, it continues with the wheel it was at.
 *
 * @throws TensorFlowError naming the step that failed
 */
export async function installLibraries(
  device: NativeDevice,
  listener: SetUpListener,
  release: Release = releases[device],
): Promise<TensorFlowLibraries> {
  const folder = folderOf(device);
  const part = `${folder}.part`;
  const system = device === 'cuda' ? systemCuda() : undefined;
  const wheels = system ? wheelsWith(system, release.wheels) : release.wheels;
  return await withFileErrors(TensorFlowError, folder, 'written', async () => {
    await ensureDir(part);
    const missing = wheels.filter((wheel) => !existsSync(doneFile(part, wheel)));
    requireFreeSpace(part, missing);
    if (missing.length > 1) {
      const [download, disk] = [sum(missing, 'sizeBytes'), sum(missing, 'unpackedBytes')];
      listener.onStep(`${missing.length} downloads, ${sizeText(download)}; ${sizeText(disk)} on disk`);
    }
    for (const wheel of missing) await installWheel(wheel, part, listener);
    if (system) await linkSystemCuda(system, part);
    writeFileSync(join(part, manifestFile), JSON.stringify(librarySizes(part)));
    rmSync(folder, { recursive: true, force: true });
    renameSync(part, folder);
    return librariesIn(folder);
  });
}

async function installWheel(wheel: Wheel, part: string, listener: SetUpListener): Promise<void> {
  const downloads = join(part, 'download');
  rmSync(downloads, { recursive: true, force: true });
  const file = localWheel(wheel) ?? (await pipDownload(wheel, downloads, listener));
  await checkSha256(file, wheel.sha256);
  listener.onStep(`unpacking ${basename(file)}`);
  await unpackWheel(file, part);
  rmSync(downloads, { recursive: true, force: true });
  writeFileSync(doneFile(part, wheel), '');
}

/** An empty file that exists once a wheel is unpacked. */
function doneFile(part: string, wheel: Wheel): string {
  return join(part, `${wheel.sha256}.done`);
}

function folderOf(device: NativeDevice): string {
  const variant = device === 'cuda' ? (systemCuda()?.id ?? device) : device;
  return join(cacheFolder(), 'tensorflow', `${releases[device].version}-${variant}`);
}

/** @param folder an unpacked wheel, or its folder `tensorflow` */
function librariesIn(folder: string): TensorFlowLibraries {
  for (const candidate of [join(folder, 'tensorflow'), folder]) {
    const library = statSync(join(candidate, mainLibrary), { throwIfNoEntry: false });
    if (!library) continue;
    const cudaTools = join(candidate, '..', 'nvidia', 'cuda_nvcc');
    return {
      folder: candidate,
      include: join(candidate, 'include'),
      sizeBytes: library.size,
      ...(existsSync(cudaTools) && { cudaTools }),
    };
  }
  throw new TensorFlowError(
    'setup-failed',
    `${folder}: ${mainLibrary} is missing; TFJS_LORA_TENSORFLOW must name a TensorFlow wheel, packed or unpacked`,
  );
}

/** Whether all libraries are there in full size. */
function isComplete(folder: string): boolean {
  try {
    const sizes: Record<string, number> = JSON.parse(readFileSync(join(folder, manifestFile), 'utf8'));
    return Object.entries(sizes).every(([name, size]) => statSync(join(folder, name)).size === size);
  } catch {
    return false;
  }
}

/** Size of each library, by its path in `folder`. */
function librarySizes(folder: string): Record<string, number> {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' });
  const libraries = names.filter((name) => /\.so(\.[\d.]+)?$/.test(name));
  return Object.fromEntries(libraries.map((name) => [name, statSync(join(folder, name)).size]));
}

/** @throws TensorFlowError if the disk has no room to download and unpack the wheels */
function requireFreeSpace(folder: string, wheels: readonly Wheel[]): void {
  // Each wheel is deleted after it was unpacked, so at most the largest takes space as well.
  const largest = Math.max(0, ...wheels.map((wheel) => wheel.sizeBytes));
  const needed = sum(wheels, 'unpackedBytes') + largest;
  const { bavail, bsize } = statfsSync(folder);
  const free = bavail * bsize;
  if (free >= needed) return;
  throw new TensorFlowError(
    'cache-full',
    `${folder}: not enough disk space (${sizeText(free)} free, ${sizeText(needed)} needed); free some`,
  );
}

function sum(wheels: readonly Wheel[], size: 'sizeBytes' | 'unpackedBytes'): number {
  return wheels.reduce((bytes, wheel) => bytes + wheel[size], 0);
}

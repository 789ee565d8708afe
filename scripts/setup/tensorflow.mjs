import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { cacheFolder } from './cache-folder.mjs';
import { linkSystemCuda, systemCuda, wheelsBesides } from './cuda-system.mjs';
import { givenSource, givenWheel } from './given-source.mjs';
import { pipDownload } from './pip.mjs';
import { megabytes } from './progress.mjs';
import { releases } from './releases.mjs';
import { SetupError } from './setup-error.mjs';
import { checkSha256, unpackWheel } from './wheel.mjs';

/** @typedef {'cpu' | 'cuda'} Device */
/** @typedef {import('./releases.mjs').Wheel} Wheel */
/** @typedef {import('./releases.mjs').Release} Release */

/**
 * TensorFlow's shared libraries and headers, ready to compile against.
 *
 * @typedef {object} TensorFlow
 * @property {string} libraries folder of libtensorflow_cc.so.2
 * @property {string} include
 * @property {number} sizeBytes of libtensorflow_cc.so.2
 * @property {string} [cuda] folder with bin/ptxas and nvvm/libdevice, where there is one
 */

const library = 'libtensorflow_cc.so.2';
const manifest = 'complete.json';
const unwritable = ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'];

/**
 * The libraries that are in place for `device`, or undefined where they have to be fetched.
 *
 * @param {Device} device
 * @returns {TensorFlow | undefined}
 * @throws SetupError when TFJS_LORA_TENSORFLOW or TFJS_LORA_CUDA names something else than it should
 */
export function findTensorFlow(device) {
  const given = givenSource();
  if (given?.kind === 'unpacked') return inFolder(given.path);
  const folder = folderOf(device);
  return isComplete(folder) ? inFolder(folder) : undefined;
}

/**
 * Fetches and unpacks what is missing. Everything is made in a folder beside and renamed when whole; what a
 * stopped run left there is used.
 *
 * @param {Device} device
 * @param {(line: string) => void} note
 * @param {Release} [release]
 * @returns {Promise<TensorFlow>}
 */
export async function fetchTensorFlow(device, note, release = releases[device]) {
  const folder = folderOf(device);
  const part = `${folder}.part`;
  const system = device === 'cuda' ? systemCuda() : undefined;
  const wheels = system ? wheelsBesides(system, release.wheels) : release.wheels;
  try {
    mkdirSync(part, { recursive: true });
    const left = wheels.filter((wheel) => !existsSync(doneFile(part, wheel)));
    checkSpace(part, left);
    if (left.length > 1)
      note(`${left.length} downloads, ${sum(left, 'sizeBytes')}; ${sum(left, 'unpackedBytes')} on disk`);
    for (const wheel of left) await addWheel(wheel, part, note);
    if (system) linkSystemCuda(system, part);
    rmSync(folder, { recursive: true, force: true });
    writeFileSync(join(part, manifest), JSON.stringify(librarySizes(part)));
    renameSync(part, folder);
  } catch (error) {
    const code = String(/** @type {NodeJS.ErrnoException} */ (error).code);
    if (unwritable.includes(code)) {
      throw new SetupError(
        `${folder}: cannot be written (${code}); make room, or name another folder in TFJS_LORA_CACHE`,
      );
    }
    throw error;
  }
  return inFolder(folder);
}

/**
 * @param {Wheel} wheel
 * @param {string} part
 * @param {(line: string) => void} note
 */
async function addWheel(wheel, part, note) {
  const downloads = join(part, 'download');
  rmSync(downloads, { recursive: true, force: true });
  const file = givenWheel(wheel) ?? (await pipDownload(wheel, downloads, note));
  await checkSha256(file, wheel.sha256);
  note(`unpacking ${basename(file)}`);
  await unpackWheel(file, part);
  rmSync(downloads, { recursive: true, force: true });
  writeFileSync(doneFile(part, wheel), '');
}

/** @param {string} part @param {Wheel} wheel */
const doneFile = (part, wheel) => join(part, `${wheel.sha256}.done`);

/** @param {Device} device */
function folderOf(device) {
  const kind = device === 'cuda' ? (systemCuda()?.id ?? device) : device;
  return join(cacheFolder(), 'tensorflow', `${releases[device].version}-${kind}`);
}

/**
 * @param {string} folder an unpacked wheel, or its `tensorflow` folder
 * @returns {TensorFlow}
 */
function inFolder(folder) {
  for (const libraries of [join(folder, 'tensorflow'), folder]) {
    const found = statSync(join(libraries, library), { throwIfNoEntry: false });
    if (!found) continue;
    const nvcc = join(libraries, '..', 'nvidia', 'cuda_nvcc');
    const cuda = existsSync(nvcc) ? { cuda: nvcc } : {};
    return { libraries, include: join(libraries, 'include'), sizeBytes: found.size, ...cuda };
  }
  throw new SetupError(
    `${folder}: has no ${library}; TFJS_LORA_TENSORFLOW must name a TensorFlow wheel, unpacked or not`,
  );
}

/**
 * Whether all libraries are there in full size.
 *
 * @param {string} folder
 */
function isComplete(folder) {
  try {
    const wanted = JSON.parse(readFileSync(join(folder, manifest), 'utf8'));
    return Object.entries(wanted).every(([name, size]) => statSync(join(folder, name)).size === size);
  } catch {
    return false;
  }
}

/**
 * @param {string} folder
 * @returns {Record<string, number>} size of each library, by its path in `folder`
 */
function librarySizes(folder) {
  const names = readdirSync(folder, { recursive: true, encoding: 'utf8' }).filter((name) =>
    /\.so(\.[\d.]+)?$/.test(name),
  );
  return Object.fromEntries(names.map((name) => [name, statSync(join(folder, name)).size]));
}

/**
 * @param {string} folder
 * @param {readonly Wheel[]} wheels
 */
function checkSpace(folder, wheels) {
  const largest = Math.max(0, ...wheels.map((wheel) => wheel.sizeBytes));
  const needed = wheels.reduce((bytes, wheel) => bytes + wheel.unpackedBytes, largest);
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < needed) {
    throw new SetupError(
      `${folder}: ${megabytes(bavail * bsize)} are free and ${megabytes(needed)} needed; make room, or name another folder in TFJS_LORA_CACHE`,
    );
  }
}

/** @param {readonly Wheel[]} wheels @param {'sizeBytes' | 'unpackedBytes'} what */
function sum(wheels, what) {
  return megabytes(wheels.reduce((bytes, wheel) => bytes + wheel[what], 0));
}

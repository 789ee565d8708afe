import {
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statfsSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { cacheFolder } from './cache-folder.mjs';
import { pipDownload } from './pip.mjs';
import { megabytes } from './progress.mjs';
import { releases } from './releases.mjs';
import { SetupError } from './setup-error.mjs';
import { checkSha256, unpackWheel } from './wheel.mjs';

/**
 * TensorFlow's shared libraries and headers, ready to compile against.
 *
 * @typedef {object} TensorFlow
 * @property {string} libraries folder of libtensorflow_cc.so.2
 * @property {string} include
 * @property {number} sizeBytes of libtensorflow_cc.so.2
 */

const library = 'libtensorflow_cc.so.2';
const manifest = 'complete.json';

const unwritable = ['ENOSPC', 'EDQUOT', 'EACCES', 'EPERM', 'EROFS', 'ENOTDIR', 'EEXIST'];

/** What TFJS_LORA_TENSORFLOW may name. */
const help = "a TensorFlow wheel, an unpacked one, or 'none'";

/**
 * The libraries that are in place for `device`, or undefined where they have to be fetched.
 *
 * @param {'cpu'} device
 * @returns {TensorFlow | undefined}
 * @throws SetupError when TFJS_LORA_TENSORFLOW names something else than a TensorFlow
 */
export function findTensorFlow(device) {
  const given = givenSource();
  if (given && statSync(given).isDirectory()) return inFolder(given);
  const folder = folderOf(device);
  return isComplete(folder) ? inFolder(folder) : undefined;
}

/**
 * Fetches and unpacks what is missing. Everything is made in a folder beside and renamed when whole; what a
 * stopped run left there is used.
 *
 * @param {'cpu'} device
 * @param {(line: string) => void} note
 * @param {import('./releases.mjs').Release} [release]
 * @returns {Promise<TensorFlow>}
 */
export async function fetchTensorFlow(device, note, release = releases[device]) {
  const folder = folderOf(device);
  const part = `${folder}.part`;
  try {
    mkdirSync(part, { recursive: true });
    checkSpace(part, release);
    for (const wheel of release.wheels) await addWheel(wheel, part, note);
    rmSync(folder, { recursive: true, force: true });
    writeFileSync(join(part, manifest), JSON.stringify(sizes(part)));
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
 * @param {import('./releases.mjs').Wheel} wheel
 * @param {string} part
 * @param {(line: string) => void} note
 */
async function addWheel(wheel, part, note) {
  const done = join(part, `${wheel.sha256}.done`);
  if (existsSync(done)) return;
  const downloads = join(part, 'download');
  const given = givenSource();
  rmSync(downloads, { recursive: true, force: true });
  const file = given ?? (await pipDownload(wheel, downloads, note));
  await checkSha256(file, wheel.sha256);
  note(`unpacking ${basename(file)}`);
  await unpackWheel(file, part);
  rmSync(downloads, { recursive: true, force: true });
  writeFileSync(done, '');
}

/** @param {'cpu'} device */
function folderOf(device) {
  return join(cacheFolder(), 'tensorflow', `${releases[device].version}-${device}`);
}

/** The file or folder of TFJS_LORA_TENSORFLOW, if it is set. */
function givenSource() {
  const given = process.env.TFJS_LORA_TENSORFLOW;
  if (!given) return undefined;
  const path = resolve(given);
  if (!existsSync(path))
    throw new SetupError(`TFJS_LORA_TENSORFLOW=${given}: no such file; it must be ${help}`);
  return path;
}

/**
 * @param {string} folder an unpacked wheel, or its `tensorflow` folder
 * @returns {TensorFlow}
 */
function inFolder(folder) {
  for (const libraries of [join(folder, 'tensorflow'), folder]) {
    const found = statSync(join(libraries, library), { throwIfNoEntry: false });
    if (found) return { libraries, include: join(libraries, 'include'), sizeBytes: found.size };
  }
  throw new SetupError(`${folder}: has no ${library}; TFJS_LORA_TENSORFLOW must be ${help}`);
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
function sizes(folder) {
  const names = [library, 'libtensorflow_framework.so.2'].map((name) => join('tensorflow', name));
  return Object.fromEntries(names.map((name) => [name, statSync(join(folder, name)).size]));
}

/**
 * @param {string} folder
 * @param {import('./releases.mjs').Release} release
 */
function checkSpace(folder, release) {
  const largest = Math.max(...release.wheels.map((wheel) => wheel.sizeBytes));
  const needed = release.unpackedBytes + largest;
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < needed) {
    throw new SetupError(
      `${folder}: ${megabytes(bavail * bsize)} are free and ${megabytes(needed)} needed; make room, or name another folder in TFJS_LORA_CACHE`,
    );
  }
}

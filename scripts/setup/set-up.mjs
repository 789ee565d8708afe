import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addonIsInstalled, installAddon } from './addon.mjs';
import { buildDist, distIsCurrent } from './build.mjs';
import { cacheFolder } from './cache-folder.mjs';
import { withLock } from './lock.mjs';
import { installPackages, packageFolder, packagesAreInstalled } from './npm-packages.mjs';
import { nativeObstacle } from './platform.mjs';
import { SetupError } from './setup-error.mjs';
import { fetchTensorFlow, findTensorFlow } from './tensorflow.mjs';

const packageRoot = dirname(dirname(dirname(fileURLToPath(import.meta.url))));

/**
 * @typedef {object} SetUpOptions
 * @property {string} [device] what must work afterwards; `auto` is native TensorFlow where that is possible
 * @property {string} [purpose] `use`, or `test`, which needs native TensorFlow
 * @property {string} [root] folder of this package
 * @property {(line: string) => void} note
 */

/**
 * Does what is not done yet: npm packages and dist/ in a clone, TensorFlow's libraries, the addon. Says what
 * it does, and nothing where all is done.
 *
 * @param {SetUpOptions} options
 * @throws SetupError with one line on what is missing; with `auto`, missing native TensorFlow is only noted
 */
export async function setUp({ device = 'auto', purpose = 'use', root = packageRoot, note }) {
  check('--device', device, ['auto', 'cpu', 'cuda', 'wasm']);
  check('--for', purpose, ['use', 'test']);
  if (isClone(root) && !(packagesAreInstalled(root) && distIsCurrent(root))) {
    await withLock(
      root,
      () => setUpClone(root, note),
      () => note('another set-up is at work here; waiting for it'),
    );
  }
  if (device === 'wasm' || process.env.TFJS_LORA_TENSORFLOW === 'none') return;
  try {
    await setUpNative(root, device === 'cuda' ? 'cuda' : 'cpu', note);
  } catch (error) {
    if (!(error instanceof SetupError) || device !== 'auto' || purpose === 'test') throw error;
    note(`note: without native TensorFlow everything runs on wasm, only slower: ${error.message}`);
  }
}

/** @param {string} root */
function isClone(root) {
  return existsSync(join(root, 'package-lock.json')) && existsSync(join(root, 'src'));
}

/**
 * @param {string} root
 * @param {(line: string) => void} note
 */
async function setUpClone(root, note) {
  if (!packagesAreInstalled(root)) {
    note('installing npm packages');
    await installPackages(root);
  }
  if (!distIsCurrent(root)) {
    note('building dist/');
    await buildDist(root);
  }
}

/**
 * @param {string} root
 * @param {'cpu' | 'cuda'} device
 * @param {(line: string) => void} note
 */
async function setUpNative(root, device, note) {
  const name = device === 'cuda' ? '@tensorflow/tfjs-node-gpu' : '@tensorflow/tfjs-node';
  const packagePath = packageFolder(root, name);
  if (!packagePath) {
    throw new SetupError(
      `${name} is not installed; run 'npm install --ignore-scripts ${name}@4.22.0', then set up again`,
    );
  }
  const found = findTensorFlow(device);
  if (found && addonIsInstalled(packagePath, found)) return;
  const obstacle = nativeObstacle();
  if (obstacle) throw new SetupError(obstacle);
  await withLock(
    cacheFolder(),
    async () => {
      const tensorflow = findTensorFlow(device) ?? (await fetchTensorFlow(device, note));
      if (addonIsInstalled(packagePath, tensorflow)) return;
      const version = await installAddon(root, packagePath, tensorflow, note);
      note(`native TensorFlow ${version} for ${device} is ready`);
    },
    () => note('another set-up is at work on TensorFlow; waiting for it'),
  );
}

/**
 * @param {string} option
 * @param {string} value
 * @param {readonly string[]} allowed
 */
function check(option, value, allowed) {
  if (!allowed.includes(value)) {
    throw new SetupError(`${option} ${value}: must be one of ${allowed.join(', ')}`, 2);
  }
}

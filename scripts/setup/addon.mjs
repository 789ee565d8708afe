import {
  copyFileSync,
  existsSync,
  mkdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { cacheFolder } from './cache-folder.mjs';
import { addon, addonKey, compileAddon, preload, versionFile } from './compile-addon.mjs';

/** @typedef {import('./tensorflow.mjs').TensorFlow} TensorFlow */

const marker = 'tfjs-lora.json';

/**
 * Whether the package holds an addon that was compiled from its sources against this TensorFlow.
 *
 * @param {string} packagePath
 * @param {TensorFlow} tensorflow
 */
export function addonIsInstalled(packagePath, tensorflow) {
  const target = targetFolder(packagePath);
  try {
    const found = JSON.parse(readFileSync(join(target, marker), 'utf8'));
    const whole = [addon, preload].every((name) => statSync(join(target, name)).size === found.sizes[name]);
    return whole && found.key === addonKey(packagePath, tensorflow);
  } catch {
    return false;
  }
}

/**
 * Puts the compiled addon into the package, compiling it where the cache folder has none for it.
 *
 * @param {string} root
 * @param {string} packagePath
 * @param {TensorFlow} tensorflow
 * @param {(line: string) => void} note
 * @returns {Promise<string>} TensorFlow's version
 */
export async function installAddon(root, packagePath, tensorflow, note) {
  const key = addonKey(packagePath, tensorflow);
  const kept = join(cacheFolder(), 'addon', key.slice(0, 16));
  if (!existsSync(join(kept, versionFile))) {
    await compileAddon(root, packagePath, tensorflow, kept, note);
  }
  const target = targetFolder(packagePath);
  mkdirSync(target, { recursive: true });
  for (const name of [preload, addon]) {
    const fresh = join(target, `.${name}.${process.pid}`);
    copyFileSync(join(kept, name), fresh);
    renameSync(fresh, join(target, name)); // another process may have the old one loaded
  }
  const sizes = Object.fromEntries([addon, preload].map((name) => [name, statSync(join(target, name)).size]));
  const version = readFileSync(join(kept, versionFile), 'utf8');
  const { libraries, cuda } = tensorflow;
  const facts = { tensorflow: version, libraries, cuda, key, sizes };
  writeFileSync(join(target, marker), `${JSON.stringify(facts, null, 2)}\n`);
  return version;
}

/** Where tfjs-node looks for its addon. @param {string} packagePath */
function targetFolder(packagePath) {
  return join(packagePath, 'lib', 'napi-v8');
}

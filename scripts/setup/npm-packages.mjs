import { existsSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { reason, run } from './run.mjs';
import { SetupError } from './setup-error.mjs';

/**
 * Whether node_modules holds what package-lock.json asks for: npm's own record of the installed versions
 * agrees, and each package's folder is there.
 *
 * @param {string} root
 */
export function packagesAreInstalled(root) {
  const wanted = packagesOf(join(root, 'package-lock.json'));
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (!wanted || !installed) return false;
  for (const [path, { version, resolved, optional }] of Object.entries(wanted)) {
    if (path === '') continue;
    const found = installed[path];
    if (!found && optional) continue;
    if (found?.version !== version || found?.resolved !== resolved) return false;
    if (!existsSync(join(root, path))) return false;
  }
  return true;
}

/**
 * Installs exactly what package-lock.json says. Install scripts stay off: the native packages' own would
 * download an old TensorFlow.
 *
 * @param {string} root
 */
export async function installPackages(root) {
  const { code, output } = await run('npm', ['ci', '--ignore-scripts', '--include=dev'], {
    cwd: root,
    shell: process.platform === 'win32',
  });
  if (code !== 0) {
    throw new SetupError(`'npm ci' failed (${reason(output)}); check the network and npm's settings`, 1);
  }
}

/**
 * The folder of an npm package as seen from `root`, or undefined where it is not installed.
 *
 * @param {string} root
 * @param {string} name
 */
export function packageFolder(root, name) {
  try {
    return dirname(createRequire(join(root, 'package.json')).resolve(`${name}/package.json`));
  } catch {
    return undefined;
  }
}

/**
 * @param {string} path a package-lock.json
 * @returns {Record<string, { version?: string, resolved?: string, optional?: boolean }> | undefined}
 */
function packagesOf(path) {
  try {
    return JSON.parse(readFileSync(path, 'utf8')).packages;
  } catch {
    return undefined;
  }
}

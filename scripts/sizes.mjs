// Prints the size of the npm package, and what an installation of it as a dependency takes: npm run sizes
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pack } from './package/pack.mjs';

/** @typedef {{ dependencies?: Record<string, string>, optionalDependencies?: Record<string, string> }} Locked */

const TFJS = '@tensorflow/tfjs';
const HEAVIEST = 12;

const { peerDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
const project = mkdtempSync(join(tmpdir(), 'tfjs-lora-sizes-'));
try {
  const { tarball, size, unpackedSize, files } = pack(project);
  writeFileSync(join(project, 'package.json'), '{ "private": true }\n');
  const packages = [tarball, `${TFJS}@${peerDependencies[TFJS]}`];
  execFileSync('npm', ['install', '--ignore-scripts', '--silent', ...packages], {
    cwd: project,
    shell: process.platform === 'win32', // npm is a .cmd file there
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  report({ size, unpackedSize, fileCount: files.length });
} finally {
  rmSync(project, { recursive: true, force: true });
}

/** @param {{ size: number, unpackedSize: number, fileCount: number }} packed */
function report({ size, unpackedSize, fileCount }) {
  const lock = JSON.parse(readFileSync(join(project, 'node_modules', '.package-lock.json'), 'utf8'));
  /** @type {Record<string, Locked>} */
  const locked = lock.packages;
  const sizes = Object.keys(locked).map((path) => ({ path, bytes: ownBytes(join(project, path)) }));
  const ofTfjs = neededBy(`node_modules/${TFJS}`, locked);
  const added = sizes.filter(({ path }) => !ofTfjs.has(path));
  print('tarball', `${megabytes(size)}, ${fileCount} files, ${megabytes(unpackedSize)} unpacked`);
  print('installed', summary(sizes));
  print(`  ${TFJS}`, summary(sizes.filter(({ path }) => ofTfjs.has(path))));
  print('  added to it', summary(added));
  console.log('\nheaviest of those that are added');
  for (const { path, bytes } of added.toSorted((a, b) => b.bytes - a.bytes).slice(0, HEAVIEST)) {
    print(`  ${path.replace('node_modules/', '')}`, megabytes(bytes));
  }
}

/**
 * The folders of a package and of everything that it depends on.
 *
 * @param {string} path
 * @param {Record<string, Locked>} locked
 */
function neededBy(path, locked, found = new Set()) {
  if (found.has(path)) return found;
  found.add(path);
  const { dependencies, optionalDependencies } = locked[path] ?? {};
  for (const name of Object.keys({ ...dependencies, ...optionalDependencies })) {
    const folder = resolvePackage(name, path, locked);
    if (folder) neededBy(folder, locked, found);
  }
  return found;
}

/**
 * The folder of a package as Node finds it from another one; undefined if it is not installed.
 *
 * @param {string} name
 * @param {string} from
 * @param {Record<string, Locked>} locked
 */
function resolvePackage(name, from, locked) {
  const parts = from.split('/node_modules/');
  for (; parts.length > 0; parts.pop()) {
    const folder = `${parts.join('/node_modules/')}/node_modules/${name}`;
    if (folder in locked) return folder;
  }
  return `node_modules/${name}` in locked ? `node_modules/${name}` : undefined;
}

/**
 * Bytes of the files in a folder, without packages that are installed in it.
 *
 * @param {string} folder
 * @returns {number}
 */
function ownBytes(folder) {
  let bytes = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isFile()) bytes += statSync(path).size;
    else if (entry.isDirectory() && entry.name !== 'node_modules') bytes += ownBytes(path);
  }
  return bytes;
}

/** @param {{ bytes: number }[]} packages */
function summary(packages) {
  const bytes = packages.reduce((sum, entry) => sum + entry.bytes, 0);
  return `${megabytes(bytes)}, ${packages.length} packages`;
}

/** @param {number} bytes */
function megabytes(bytes) {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

/** @param {string} name @param {string} value */
function print(name, value) {
  console.log(`${name.padEnd(32)} ${value}`);
}

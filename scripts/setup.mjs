#!/usr/bin/env node
// Sets up a clone: installs the npm packages, builds dist/, then runs `tfjs-lora setup` with the same arguments.
// Plain Node, because a fresh clone has no packages. An installed package needs only `tfjs-lora setup`.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);

const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
if (major < 20 || (major === 20 && minor < 19)) {
  fail(`this is Node ${process.versions.node}; install Node 20.19 or newer`);
}
if (!packagesAreInstalled() || !distIsCurrent()) {
  const lock = await lockClone();
  if (!packagesAreInstalled()) installPackages();
  if (!distIsCurrent()) buildDist();
  lock.close();
}
if (!(await nothingToDo())) {
  const { main } = await import('../dist/cli/main.js');
  process.exitCode = await main(['setup', ...args]);
}

/**
 * Waits until no other set-up runs in this clone. The lock is a socket without a file, as in src/setup/lock.ts. macOS has
 * no such sockets: listening fails there, and set-up continues without a lock.
 */
async function lockClone() {
  const id = createHash('sha256').update(root).digest('hex').slice(0, 24);
  const address =
    process.platform === 'win32' ? `\\\\.\\pipe\\tfjs-lora-clone-${id}` : `\0tfjs-lora-clone-${id}`;
  for (;;) {
    const server = createServer().listen(address);
    const error = await once(server, 'listening').catch((reason) => reason);
    if (error.code !== 'EADDRINUSE') return server;
    await setTimeout(200);
  }
}

/** Whether npm's record in node_modules matches package-lock.json. */
function packagesAreInstalled() {
  const record = join(root, 'node_modules', '.package-lock.json');
  if (!existsSync(record)) return false;
  const { packages: installed } = JSON.parse(readFileSync(record, 'utf8'));
  const { packages: locked } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8'));
  return Object.entries(locked).every(([path, { version, optional }]) => {
    if (path === '') return true; // this package
    if (!installed[path]) return optional === true; // for another platform
    return installed[path].version === version && existsSync(join(root, path));
  });
}

function installPackages() {
  console.error('installing npm packages');
  // No install scripts: those of the native packages would download TensorFlow 2.9.
  npm('ci', '--ignore-scripts', '--include=dev', '--loglevel=error');
}

/** Whether dist/ was built from the current sources. */
function distIsCurrent() {
  const stamp = join(root, 'dist', '.built');
  return existsSync(stamp) && readFileSync(stamp, 'utf8') === sourceState();
}

function buildDist() {
  console.error('building dist/');
  const state = sourceState(); // read before the build, so that a change during it is noticed
  rmSync(join(root, 'dist'), { recursive: true, force: true });
  npm('run', '--silent', 'build');
  writeFileSync(join(root, 'dist', '.built'), state);
}

/** A hash of the names, sizes and times of everything that dist/ is built from. */
function sourceState() {
  const sources = readdirSync(join(root, 'src'), { recursive: true, encoding: 'utf8' }).sort();
  const hash = createHash('sha256');
  for (const path of [
    'tsconfig.json',
    'tsconfig.build.json',
    'vite.page.config.ts',
    'vite.browser.config.ts',
    'vite.charts.config.ts',
    ...sources.map((name) => join('src', name)),
  ]) {
    const { size, mtimeMs } = statSync(join(root, path));
    hash.update(`${path} ${size} ${mtimeMs}\n`);
  }
  return hash.digest('hex');
}

/** Whether native TensorFlow is ready for the CPU. Checked first, because the command line takes a second to load. */
async function nothingToDo() {
  if (!['', '--device cpu'].includes(args.join(' '))) return false;
  const { isSetUp } = await import('../dist/setup/index.js');
  try {
    return isSetUp('cpu');
  } catch {
    return false; // the command reports what is wrong
  }
}

/** Runs npm, which prints its own errors. @param {string[]} npmArgs */
function npm(...npmArgs) {
  const shell = process.platform === 'win32'; // npm is a .cmd file there
  const { status } = spawnSync('npm', npmArgs, {
    cwd: root,
    shell,
    stdio: ['ignore', process.stderr, 'inherit'],
  });
  if (status !== 0) fail(`'npm ${npmArgs.join(' ')}' failed`);
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`error: ${message}`);
  process.exit(1);
}

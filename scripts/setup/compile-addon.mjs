import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packageFolder } from './npm-packages.mjs';
import { reason, run } from './run.mjs';
import { SetupError } from './setup-error.mjs';

/** @typedef {import('./tensorflow.mjs').TensorFlow} TensorFlow */

/** The files that are made. */
export const addon = 'tfjs_binding.node';
export const preload = 'tensorflow_preload.node';
export const versionFile = 'tensorflow-version';

const preloadSource = fileURLToPath(new URL('tensorflow-preload.cc', import.meta.url));
const flags = [
  '-O2',
  '-std=c++17',
  '-fPIC',
  '-shared',
  '-w',
  '-DNAPI_VERSION=8',
  '-DNODE_GYP_MODULE_NAME=tfjs_binding',
];

/**
 * Names everything that goes into the addon, so that a change of any of it compiles a new one.
 *
 * @param {string} packagePath
 * @param {TensorFlow} tensorflow
 */
export function addonKey(packagePath, tensorflow) {
  const hash = createHash('sha256').update(JSON.stringify([flags, tensorflow, process.env.CXX ?? '']));
  const binding = join(packagePath, 'binding');
  for (const name of readdirSync(binding).sort()) hash.update(readFileSync(join(binding, name)));
  return hash.update(readFileSync(preloadSource)).digest('hex');
}

/**
 * Compiles tfjs-node's addon and the helper that loads TensorFlow quietly, and tries the addon out.
 *
 * @param {string} root
 * @param {string} packagePath
 * @param {TensorFlow} tensorflow
 * @param {string} kept folder for both and TensorFlow's version; appears when all is well
 * @param {(line: string) => void} note
 */
export async function compileAddon(root, packagePath, tensorflow, kept, note) {
  const compiler = await findCompiler();
  const headers = packageFolder(root, 'node-api-headers');
  if (!headers) throw new SetupError("node-api-headers is not installed; run 'npm install' first", 1);
  note(`compiling the addon of ${basename(packagePath)} with ${compiler.join(' ')}`);
  const fresh = `${kept}.${process.pid}`;
  mkdirSync(fresh, { recursive: true });
  const includes = ['-I', tensorflow.include, '-I', join(headers, 'include')];
  const links = ['-L', tensorflow.libraries, '-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'];
  links.push(`-Wl,-rpath,${tensorflow.libraries}`);
  const library = (/** @type {string} */ path) => JSON.stringify(join(tensorflow.libraries, path));
  try {
    await Promise.all([
      build(compiler, [
        ...flags,
        ...includes,
        ...bindingSources(packagePath),
        '-o',
        join(fresh, addon),
        ...links,
      ]),
      build(compiler, [
        ...flags,
        ...includes,
        `-DTENSORFLOW_LIBRARY=${library('libtensorflow_cc.so.2')}`,
        `-DCUSOLVER_LIBRARY=${library('../nvidia/cusolver/lib/libcusolver.so.11')}`,
        preloadSource,
        '-o',
        join(fresh, preload),
        '-ldl',
      ]),
    ]);
    writeFileSync(join(fresh, versionFile), await loadedVersion(join(fresh, addon)));
    rmSync(kept, { recursive: true, force: true });
    renameSync(fresh, kept);
  } finally {
    rmSync(fresh, { recursive: true, force: true });
  }
}

/**
 * @param {readonly string[]} compiler
 * @param {readonly string[]} args
 */
async function build([program = 'g++', ...first], args) {
  const { code, output } = await run(program, [...first, ...args]);
  if (code !== 0) throw new SetupError(`${program} does not compile tfjs-node's addon (${reason(output)})`);
}

/**
 * Loads the addon in a process of its own, which shows that it works on this machine.
 *
 * @param {string} path
 * @returns {Promise<string>} TensorFlow's version
 */
async function loadedVersion(path) {
  const script = 'console.log("TensorFlow=" + require(process.argv[1]).TF_Version)';
  const { code, output } = await run(process.execPath, ['-e', script, path]);
  const version = /^TensorFlow=(.+)$/m.exec(output)?.[1];
  if (code !== 0 || !version) {
    throw new SetupError(`the compiled addon does not load here (${reason(output)})`);
  }
  return version;
}

/** CXX where it is set, else the first of the usual compilers that is there. */
async function findCompiler() {
  const named = process.env.CXX?.split(' ').filter(Boolean);
  const candidates = named?.length ? [named] : [['g++'], ['clang++'], ['c++']];
  for (const [program = '', ...args] of candidates) {
    const { code } = await run(program, [...args, '--version']);
    if (code === 0) return [program, ...args];
  }
  throw new SetupError(
    named?.length
      ? `CXX=${process.env.CXX}: does not run; it must be a C++ compiler`
      : 'no C++ compiler, which compiles the addon; install one (Debian, Ubuntu: apt install g++), or name one in CXX',
  );
}

/** @param {string} packagePath */
function bindingSources(packagePath) {
  const binding = join(packagePath, 'binding');
  const names = readdirSync(binding).filter((name) => name.endsWith('.cc'));
  return names.map((name) => join(binding, name));
}

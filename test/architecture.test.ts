import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
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

test('LoRA layers run in a browser: lora and models import only tfjs and packages of plain JavaScript', () => {
  const allowed = ['@tensorflow/tfjs', 'ml-matrix'];
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
  for (const [, name] of text.matchAll(/^(?:import|export) (?!type\b)[^;'"]*'([^']+)';$/gm)) {
    const used = name!.startsWith('.') ? join(dirname(path), name!) : name!;
    if (found.has(used)) continue;
    found.add(used);
    importedBy(used, found);
  }
  return found;
}

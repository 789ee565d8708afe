import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';
import { expect, test } from 'vitest';

/** Each room may use the rooms before it. */
const ROOMS = [
  'errors.ts',
  'random.ts',
  'files',
  'safetensors',
  'mnist-data-loader',
  'tensorboard',
  'pictures',
  'tensorflow',
  'graph',
  'lora',
  'models',
  'torch',
  'peft',
  'training',
  'evaluation',
  'runs',
  'gates',
  'report',
  'verification',
  'index.ts',
  'cli',
];

const WITHOUT_TENSORFLOW = [
  'files',
  'safetensors',
  'mnist-data-loader',
  'tensorboard',
  'pictures',
  'report',
  'gates',
];

const files = readdirSync('src', { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.ts'))
  .map((name) => {
    const path = join('src', name);
    const text = readFileSync(path, 'utf8');
    const imports = [...text.matchAll(/^(?:import|export)\b[^;'"]*'([^']+)';$|import\('([^']+)'\)/gm)].map(
      (match) => match[1] ?? match[2]!,
    );
    return { path, room: roomOf(path), text, imports };
  });

function roomOf(path: string): string {
  return relative('src', path).split('/')[0]!;
}

test('every folder of src is a room with a place in the order', () => {
  expect([...new Set(files.map((file) => file.room))].filter((room) => !ROOMS.includes(room))).toEqual([]);
});

test('rooms use only rooms before them', () => {
  const wrong = files.flatMap(({ path, room, imports }) =>
    imports
      .filter((name) => name.startsWith('.'))
      .map((name) => roomOf(join(dirname(path), name)))
      .filter((used) => used !== room && ROOMS.indexOf(used) > ROOMS.indexOf(room))
      .map((used) => `${path} uses ${used}`),
  );
  expect(wrong).toEqual([]);
});

test('only the command line reads argv, prints and exits', () => {
  const wrong = files
    .filter(({ room, text }) => room !== 'cli' && /process\.(argv|exit\b|stdout|stderr)|console\./.test(text))
    .map((file) => file.path);
  expect(wrong).toEqual([]);
});

test('layers run in a browser: the LoRA room needs tfjs and plain JavaScript alone', () => {
  const wrong = files
    .filter((file) => file.room === 'lora')
    .flatMap(({ path, imports }) =>
      imports
        .map((name) => (name.startsWith('.') ? roomOf(join(dirname(path), name)) : name))
        .filter((used) => !['lora', 'errors.ts', 'random.ts', '@tensorflow/tfjs', 'ml-matrix'].includes(used))
        .map((used) => `${path}: ${used}`),
    );
  expect(wrong).toEqual([]);
});

test('rooms that only handle bytes and numbers need no TensorFlow, nor does what they import', () => {
  const wrong = files
    .filter((file) => WITHOUT_TENSORFLOW.includes(file.room))
    .filter(({ path }) => neededBy(path).has('@tensorflow/tfjs'))
    .map((file) => file.path);
  expect(wrong).toEqual([]);
});

/** What a file imports other than types, and what that imports in turn. */
function neededBy(path: string, found = new Set<string>()): Set<string> {
  const text = files.find((file) => file.path === path)?.text ?? '';
  for (const [, name] of text.matchAll(/^(?:import|export) (?!type\b)[^;'"]*'([^']+)';$/gm)) {
    const used = name!.startsWith('.') ? join(dirname(path), name!) : name!;
    if (found.has(used)) continue;
    found.add(used);
    neededBy(used, found);
  }
  return found;
}

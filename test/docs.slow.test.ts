import { readdirSync, readFileSync } from 'node:fs';
import { cp, mkdir, symlink, writeFile } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { zipSync } from 'fflate';
import { parse as parseToml } from 'smol-toml';
import { beforeAll, expect, test, vi } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { writeIdx } from '../src/mnist-data-loader/index.ts';
import { runCommand, splitWords } from './helpers/command.ts';
import { mnist } from './helpers/mnist.ts';
import { writePageModels } from './helpers/page-models.ts';
import { writePhotos } from './helpers/photos.ts';
import { keptFolder } from './helpers/temporary.ts';

const PAGES = [
  'README.md',
  ...readdirSync('docs')
    .filter((name) => name.endsWith('.md'))
    .map((name) => join('docs', name)),
];
const ROOT = resolve('.');

/** What the blocks of the page about pretrained models use: images and their model, an attention, and a training step. */
const PRETRAINED = `
  import { addAdapter, setActiveAdapters } from 'tfjs-lora';
  const [images, labels] = [tf.zeros([4, 224, 224, 3]), tf.zeros([4, 3])];
  const loss = tf.losses.meanSquaredError;
  const base = await tf.loadGraphModel('file://mobilenet/model.json');
  const [rows, steps] = [8, 1];
  const [pixels, classes] = [new Float32Array(rows * 224 * 224 * 3), new Int32Array(rows)];
  const head = tf.sequential({ layers: [tf.layers.dense({ inputShape: [1280], units: 3 })] });
  class CausalAttention extends tf.layers.Layer {
    static className = 'CausalAttention';
    build([, , width]) {
      this.query = this.addWeight('query', [width, width], 'float32', tf.initializers.glorotUniform());
      this.built = true;
    }
  }
  const transformer = tf.sequential({ layers: [new CausalAttention({ inputShape: [3, 16] })] });
  const model = tf.sequential({ layers: [tf.layers.dense({ inputShape: [2], units: 3 })] });
  const optimizer = tf.train.sgd(0.1);
  const variables = model.trainableWeights.map((weight) => weight.read());
  const batches = [[tf.zeros([4, 2]), labels]];
`;

/** Pages whose code is run, with what it uses and does not define. The code blocks of a page are one program. */
const CODE: Readonly<Record<string, string>> = {
  'README.md': 'const [inputs, targets] = [tf.zeros([4, 28, 28, 1]), tf.zeros([4, 10])];',
  'docs/adapt-a-pretrained-model.md': PRETRAINED,
  'docs/adapt-my-own-model.md': 'const [inputs, targets] = [tf.zeros([4, 28, 28, 1]), tf.zeros([4, 10])];',
  'docs/api.md': '',
  'docs/browser.md': 'const [inputs, targets] = [tf.zeros([4, 28, 28, 1]), tf.zeros([4, 10])];',
  'docs/choosing-a-rank.md': '',
  'docs/fine-tune-on-some-digits.md': '',
  'docs/graph.md': '',
  'docs/lora.md': `
    import { addAdapter, addWeightedAdapter, loraTargets } from 'tfjs-lora';
    import { predictWithAdapters, setActiveAdapters } from 'tfjs-lora';
    const [inputs, targets] = [tf.zeros([4, 3, 2]), tf.zeros([4, 2])];`,
  'docs/peft.md': "import { createDigitsNet } from 'tfjs-lora';\nconst model = createDigitsNet();",
  'docs/reports.md': '',
  'docs/training.md': '',
  'docs/use-a-peft-adapter.md': '',
  'docs/walk-through.md': '',
};

/** Pages whose code blocks use the same names for different things, so that each needs a scope. */
const SEPARATE_BLOCKS = new Set(['docs/adapt-a-pretrained-model.md']);

/**
 * The command lines of a page, without prompts and comments. Lines that end in a backslash are joined with the next.
 * Commands for a GPU, a queue or set-up are left out; they have tests of their own.
 */
function commandsOf(page: string): string[] {
  const text = readFileSync(page, 'utf8').replaceAll(/\\\n\s*/g, '');
  return (
    [...text.matchAll(/^\s*(?:\$ )?(npx tfjs-lora .*?)\s*(?:\s#.*)?$/gm)]
      .map((match) => match[1]!)
      .filter((command) => !/ setup\b|cuda|redis:/.test(command))
      // It serves until Ctrl-C.
      .filter((command) => !/ play\b/.test(command) || command.includes('--out'))
  );
}

/** Encloses a code block, except for its imports, in braces. */
function inOwnScope(code: string): string {
  const imports = code.match(/^import .*$/gm) ?? [];
  return [...imports, '{', code.replaceAll(/^import .*$/gm, ''), '}'].join('\n');
}

let folder: string;
/** Commands that were run. Pages share a folder, so that a command on several pages runs once. */
const finished = new Set<string>();

beforeAll(async () => {
  folder = await keptFolder();
  await cp('test/fixtures/peft/base.safetensors', join(folder, 'base.safetensors'));
  await cp('test/fixtures/peft/plain', join(folder, 'my-adapter'), { recursive: true });
  await cp('scripts/ci/gates.toml', join(folder, 'gates.toml'));
  await symlink(resolve('node_modules'), join(folder, 'node_modules'));
  await writePhotos(join(folder, 'photos'), 20);
  await writeEmnist(join(folder, 'EMNIST/raw'));
  const adapter = Object.fromEntries(
    readdirSync('test/fixtures/peft/plain').map((name) => [
      name,
      readFileSync(join('test/fixtures/peft/plain', name)),
    ]),
  );
  await writeFile(join(folder, 'base-adapter.zip'), zipSync(adapter));
  await writePageModels(folder);
});

/** Writes a data set whose images have rows and columns swapped, in files named like those of EMNIST. */
async function writeEmnist(target: string): Promise<void> {
  await mkdir(target, { recursive: true });
  const sets = await mnist();
  for (const [name, set, count] of [
    ['train', sets.train, 2000],
    ['test', sets.test, 500],
  ] as const) {
    const values = Uint8Array.from({ length: 784 * count }, (_, place) => {
      const [row, pixel] = [Math.floor(place / 784), place % 784];
      return set.images[784 * row + 28 * (pixel % 28) + Math.floor(pixel / 28)]!;
    });
    const prefix = join(target, `emnist-digits-${name}`);
    await writeIdx(`${prefix}-images-idx3-ubyte`, { shape: [count, 28, 28], values });
    await writeIdx(`${prefix}-labels-idx1-ubyte`, {
      shape: [count],
      values: Uint8Array.from(set.labels.subarray(0, count)),
    });
  }
}

/** Runs the commands of a page that have not been run, after those of the README, which all pages assume. */
async function runCommands(page: string): Promise<void> {
  for (const command of new Set([...commandsOf('README.md'), ...commandsOf(page)])) {
    if (finished.has(command)) continue;
    // Fewer trials of a sweep show as well that its command works.
    const [, , ...argv] = splitWords(command.replace(/--seeds \S+/, '--seeds 0-1'));
    const { code, err } = await runCommand(folder, argv);
    expect({ command, code, err: code === 0 ? '' : err }).toEqual({ command, code: 0, err: '' });
    finished.add(command);
  }
}

test.each(PAGES)('the commands in %s work', runCommands);

test.each(Object.keys(CODE))('the code in %s works', async (page) => {
  await runCommands(page);
  // The code of other pages saves adapters of its own there.
  await cp('test/fixtures/peft/plain', join(folder, 'my-adapter'), { recursive: true });
  const blocks = [...readFileSync(page, 'utf8').matchAll(/^```[jt]s\n(.*?)^```/gms)].map(([, code]) => code!);
  expect(blocks).not.toEqual([]);
  const parts = SEPARATE_BLOCKS.has(page) ? blocks.map(inOwnScope) : blocks;
  const program = [CODE[page], ...parts]
    .join('\n')
    // A web page loads its model by URL.
    .replaceAll("'model/model.json'", "'file://my-model/model.json'")
    .replaceAll("loadLayersModel('file://mobilenet/", "loadLayersModel('file://mobilenet-layers/")
    .replaceAll("'file://my-model/", `'file://${page === 'docs/lora.md' ? 'sequence-model' : 'my-model'}/`)
    .replaceAll("'tfjs-lora'", `'${ROOT}/src/api/index.ts'`)
    .replaceAll(/'tfjs-lora\/([\w-]+)'/g, `'${ROOT}/src/api/$1.ts'`);
  const file = join(folder, `${page.replaceAll('/', '-')}.ts`);
  await writeFile(file, program);
  vi.spyOn(console, 'log').mockImplementation(() => {});
  process.chdir(folder);
  try {
    await import(pathToFileURL(file).href);
  } finally {
    process.chdir(ROOT);
    vi.restoreAllMocks();
  }
});

test('the workflow and the policy on the page about gates are those of scripts/ci', () => {
  const page = readFileSync('docs/gate-a-pull-request.md', 'utf8');
  const block = (language: string) => new RegExp(`^\`\`\`${language}\\n(.*?)^\`\`\``, 'ms').exec(page)![1]!;
  expect(parseYaml(block('yaml'))).toEqual(parseYaml(readFileSync('scripts/ci/workflow.yml', 'utf8')));
  expect(parseToml(block('toml'))).toEqual(parseToml(readFileSync('scripts/ci/gates.toml', 'utf8')));
});

test('links between pages lead to existing files', () => {
  const broken = PAGES.flatMap((page) =>
    [...readFileSync(page, 'utf8').matchAll(/\]\((?!https?:|#)([^)#]+)[^)]*\)/g)]
      .map((match) => join(dirname(page), match[1]!))
      .filter((target) => !readdirSync(dirname(target)).includes(target.split('/').pop()!))
      .map((target) => `${page} -> ${target}`),
  );
  expect(broken).toEqual([]);
});

// Valid files of every kind that the product reads, small.
import { copyFileSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { cp } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { PNG } from 'pngjs';
import { readSafetensors, safeTensor, writeSafetensors } from '../../../dist/safetensors/index.js';
import { mustRun } from '../command-line.mjs';
import { writeSmallSet } from '../workplace.mjs';
import { SWEEP } from './kinds.mjs';
import { npyOf, writeZip } from './zip.mjs';

const QUICK = '--engine eager --quiet --device cpu';
const GUARD = '--digits 2,3 --steps 12 --replay 0.5 --max-drop 50 --validation 0.5 --check-every 4';

/**
 * Writes the inputs of all kinds.
 *
 * @param {string} folder
 */
export async function writeInputs(folder) {
  await writeSmallSet(join(folder, 'data'));
  await writeSmallSet(join(folder, 'gz'), { gzip: true });
  writeTables(folder);
  await writeModel(folder);
  writeGraphModel(folder);
  await mustRun(folder, 'import start.safetensors --architecture start.json --device cpu --quiet --out base');
  await mustRun(folder, `finetune base --digits 2,3 --steps 4 ${QUICK} --out tuned`);
  await mustRun(folder, 'export base --device cpu --quiet --out weights.safetensors');
  await cp(join(folder, 'base', 'model'), join(folder, 'model'), { recursive: true });
  await mustRun(folder, 'export tuned --device cpu --adapter --quiet --out peft');
  const names = ['adapter_config.json', 'adapter_model.safetensors'];
  const files = names.map((name) => /** @type {const} */ ([name, readFileSync(join(folder, 'peft', name))]));
  writeFileSync(join(folder, 'peft.zip'), writeZip(new Map(files)));
  await writeMlxAdapter(folder);
  await writeStoppedRun(folder);
  await mustRun(folder, 'eval base --device cpu --quiet --report before.json');
  await mustRun(folder, 'eval tuned --device cpu --quiet --report after.json');
  await mustRun(folder, `${SWEEP} --quiet`);
  writePicture(join(folder, 'digit.png'));
  mkdirSync(join(folder, 'pictures', '1'), { recursive: true });
  for (const name of ['a', 'b', 'c']) {
    copyFileSync(join(folder, 'digit.png'), join(folder, 'pictures', '1', `${name}.png`));
  }
  writeFileSync(join(folder, 'policy.toml'), POLICY);
  writeFileSync(join(folder, 'settings.toml'), SETTINGS);
  for (const device of ['zero', 'full', 'null']) symlinkSync(`/dev/${device}`, join(folder, `dev-${device}`));
}

const POLICY = `# gates
min-accuracy = 0.0
max-digit-drop = 100
max-other-drop = 100.0
significant = true

[min-digit-accuracy]
3 = 0.0
"5" = 0.0
`;

const SETTINGS = `device = "cpu"
quiet = true

[inject-lora]
rank = 3
alpha = 2.5
targets = ["hidden", "out"]
rank-pattern = { out = 2 }
dropout = 0.0
`;

/**
 * The training images as train.csv, and both sets as set.npz.
 *
 * @param {string} folder
 */
function writeTables(folder) {
  const values = (/** @type {string} */ name, /** @type {number} */ header) => {
    return readFileSync(join(folder, 'data', name)).subarray(header);
  };
  /** @type {Map<string, Buffer>} */
  const arrays = new Map();
  for (const [prefix, name, count] of /** @type {const} */ ([
    ['train', 'train', 40],
    ['t10k', 'test', 20],
  ])) {
    const [images, labels] = [
      values(`${prefix}-images-idx3-ubyte`, 16),
      values(`${prefix}-labels-idx1-ubyte`, 8),
    ];
    arrays.set(`x_${name}.npy`, npyOf([count, 4, 4], images));
    arrays.set(`y_${name}.npy`, npyOf([count], labels));
    if (name === 'test') continue;
    const lines = Array.from(labels, (label, row) =>
      [label, ...images.subarray(16 * row, 16 * row + 16)].join(','),
    );
    const header = ['label', ...Array.from({ length: 16 }, (_, pixel) => `pixel${pixel}`)].join(',');
    writeFileSync(join(folder, 'train.csv'), `${[header, ...lines].join('\n')}\n`);
  }
  writeFileSync(join(folder, 'set.npz'), writeZip(arrays));
}

/**
 * A model of two dense layers: start.json, start.safetensors.
 *
 * @param {string} folder
 */
async function writeModel(folder) {
  const layer = (/** @type {string} */ name, /** @type {number} */ units, /** @type {object} */ more) => ({
    class_name: 'Dense',
    config: { name, units, activation: 'linear', use_bias: true, ...more },
  });
  const layers = [
    layer('hidden', 4, { activation: 'tanh', batch_input_shape: [null, 16] }),
    layer('out', 10, {}),
  ];
  const topology = { class_name: 'Sequential', config: { name: 'start', layers } };
  writeFileSync(join(folder, 'start.json'), JSON.stringify({ modelTopology: topology, weightsManifest: [] }));
  const tensor = (/** @type {number[]} */ ...shape) => {
    const size = shape.reduce((product, length) => product * length, 1);
    return safeTensor(
      Float32Array.from({ length: size }, (_, index) => Math.sin(1 + index + size)),
      shape,
    );
  };
  const tensors = new Map([
    ['hidden.weight', tensor(4, 16)],
    ['hidden.bias', tensor(4)],
    ['out.weight', tensor(10, 4)],
    ['out.bias', tensor(10)],
  ]);
  await writeSafetensors(join(folder, 'start.safetensors'), tensors, new Map([['format', 'pt']]));
}

/**
 * A GraphModel of one matrix product: graph/model.json, graph/weights.bin.
 *
 * @param {string} folder
 */
function writeGraphModel(folder) {
  const shapeOf = (/** @type {number[]} */ ...shape) => ({ dim: shape.map((size) => ({ size: `${size}` })) });
  const float = { type: 'DT_FLOAT' };
  const value = { tensor: { dtype: 'DT_FLOAT', tensorShape: shapeOf(4, 3) } };
  const node = [
    { name: 'x', op: 'Placeholder', attr: { dtype: float, shape: { shape: shapeOf(-1, 4) } } },
    { name: 'w', op: 'Const', attr: { dtype: float, value } },
    { name: 'logits', op: 'MatMul', input: ['x', 'w'], attr: { transpose_b: { b: false } } },
  ];
  const weights = [{ name: 'w', shape: [4, 3], dtype: 'float32' }];
  const content = {
    format: 'graph-model',
    modelTopology: { node, versions: { producer: 1 }, library: {} },
    weightsManifest: [{ paths: ['weights.bin'], weights }],
  };
  mkdirSync(join(folder, 'graph'));
  writeFileSync(join(folder, 'graph', 'model.json'), JSON.stringify(content));
  const values = Float32Array.from({ length: 12 }, (_, index) => Math.sin(index));
  writeFileSync(join(folder, 'graph', 'weights.bin'), new Uint8Array(values.buffer));
}

/**
 * The adapter of `peft` as mlx-lm writes it.
 *
 * @param {string} folder
 */
async function writeMlxAdapter(folder) {
  const { tensors } = await readSafetensors(join(folder, 'peft', 'adapter_model.safetensors'));
  const renamed = [...tensors].map(([name, tensor]) => {
    const [outer = 0, inner = 0] = tensor.shape;
    const values = new Float32Array(tensor.data.slice().buffer);
    // PEFT's layout is that of PyTorch, mlx has the inputs first.
    const transposed = Float32Array.from(values, (_, index) => {
      return values[(index % outer) * inner + Math.floor(index / outer)] ?? 0;
    });
    const mlxName = name
      .replace('base_model.model.', '')
      .replace(/lora_([AB])\.weight/, (_, letter) => `lora_${letter.toLowerCase()}`);
    return /** @type {const} */ ([mlxName, safeTensor(transposed, [inner, outer])]);
  });
  mkdirSync(join(folder, 'mlx'));
  await writeSafetensors(join(folder, 'mlx', 'adapters.safetensors'), new Map(renamed));
  const config = {
    fine_tune_type: 'lora',
    num_layers: 2,
    lora_parameters: { rank: 2, scale: 0.5, dropout: 0, keys: ['hidden', 'out'] },
  };
  writeFileSync(join(folder, 'mlx', 'adapter_config.json'), JSON.stringify(config, null, 4));
}

/**
 * A finetune that stopped after four of twelve steps.
 *
 * @param {string} folder
 */
async function writeStoppedRun(folder) {
  let sent = false;
  const interrupt = {
    onTrainingProgress: () => {
      if (!sent) process.kill(process.pid, 'SIGINT');
      sent = true;
    },
  };
  await mustRun(folder, `finetune base ${GUARD} ${QUICK} --out stopped`, interrupt, 130);
  await cp(join(folder, 'stopped'), join(folder, 'resumed'), { recursive: true });
}

/** @param {string} path */
function writePicture(path) {
  const png = new PNG({ width: 12, height: 12 });
  for (let pixel = 0; pixel < 144; pixel++) {
    const isInk = pixel % 12 > 4 && pixel % 12 < 7 && pixel > 24 && pixel < 120;
    png.data.set([isInk ? 255 : 0, isInk ? 250 : 5, isInk ? 240 : 3, 255], 4 * pixel);
  }
  writeFileSync(path, PNG.sync.write(png));
}

/**
 * The path of an input within the folder.
 *
 * @param {string} folder
 * @param {string} pattern a path, or `folder/*.json` for the first one
 */
export function inputPath(folder, pattern) {
  const parent = dirname(pattern);
  if (!pattern.endsWith('*.json')) return pattern;
  return join(parent, readdirSync(join(folder, parent)).find((name) => name.endsWith('.json')) ?? pattern);
}

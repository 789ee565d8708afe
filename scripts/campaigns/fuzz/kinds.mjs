// The kinds of files that the fuzz campaign damages, and the commands that read them.

/**
 * @typedef {object} Kind
 * @property {string} name
 * @property {string} file its name may be `*.json`, for the only one of a folder
 * @property {import('./mutate-file.mjs').Format} format
 * @property {readonly string[]} commands each reads the file, and succeeds if it is not damaged
 * @property {string} [trained] run that the commands train further
 * @property {string} [restore] folder that the commands change otherwise
 * @property {boolean} [sameOnly] whether a damaged file that is accepted must give the same result, because its content is
 *   recorded elsewhere
 */

const INSPECT = 'inspect tuned --device cpu --json';
const EVALUATE = 'eval tuned --device cpu --data data --json';
const RESUME = `finetune base --engine eager --device cpu --data data --json --quiet --resume --out resumed`;
/** Its trial is done, so that it trains nothing. */
export const SWEEP =
  'sweep base --data data --device cpu --digits 2,3 --seeds 0 --steps 2 --held-out 0.5 --jobs 1 --out swept';
const IMPORT = '--device cpu --json --out new';
const READ_DATA = ['data --data @ --json', 'data check @ --json', 'eval base --device cpu --data @ --json'];
const readData = (/** @type {string} */ data) => READ_DATA.map((command) => command.replace('@', data));

/** @type {readonly Kind[]} */
export const KINDS = [
  { name: 'IDX images', file: 'data/t10k-images-idx3-ubyte', format: 'binary', commands: readData('data') },
  { name: 'IDX labels', file: 'data/train-labels-idx1-ubyte', format: 'binary', commands: readData('data') },
  {
    name: 'IDX images, gzip',
    file: 'gz/t10k-images-idx3-ubyte.gz',
    format: 'gzip',
    commands: readData('gz'),
  },
  {
    name: 'IDX labels, gzip',
    file: 'gz/train-labels-idx1-ubyte.gz',
    format: 'gzip',
    commands: readData('gz'),
  },
  {
    name: 'IDX rows to predict',
    file: 'data/t10k-images-idx3-ubyte',
    format: 'binary',
    commands: ['predict data/t10k-images-idx3-ubyte --model base --device cpu --json'],
  },
  { name: 'CSV', file: 'train.csv', format: 'text', commands: readData('train.csv') },
  { name: 'npz', file: 'set.npz', format: 'zip', commands: readData('set.npz') },
  {
    name: 'PNG',
    file: 'digit.png',
    format: 'png',
    commands: ['predict digit.png --model base --device cpu --json'],
  },
  {
    name: 'PNG to import',
    file: 'pictures/1/a.png',
    format: 'png',
    commands: ['data import pictures --size 8 --json --out new'],
  },
  {
    name: 'PyTorch state dict',
    file: 'weights.safetensors',
    format: 'safetensors',
    commands: [
      `import weights.safetensors --into base ${IMPORT}`,
      `import weights.safetensors --architecture start.json ${IMPORT}`,
    ],
  },
  {
    name: 'model.json as architecture',
    file: 'start.json',
    format: 'json',
    commands: [`import weights.safetensors --architecture start.json ${IMPORT}`],
  },
  {
    name: 'model.json to import',
    file: 'model/model.json',
    format: 'json',
    commands: [`import model/model.json ${IMPORT}`],
  },
  {
    name: 'weights.bin to import',
    file: 'model/weights.bin',
    format: 'binary',
    commands: [`import model/model.json ${IMPORT}`],
  },
  ...['model.json', 'weights.bin'].map((file) => ({
    name: `${file} of a GraphModel`,
    file: `graph/${file}`,
    format: /** @type {Kind['format']} */ (file === 'model.json' ? 'json' : 'binary'),
    commands: ['inspect --base-model graph/model.json --device cpu --json'],
  })),
  {
    name: 'PEFT adapter_config.json',
    file: 'peft/adapter_config.json',
    format: 'json',
    commands: [`import peft --into base ${IMPORT}`],
  },
  {
    name: 'PEFT adapter_model.safetensors',
    file: 'peft/adapter_model.safetensors',
    format: 'safetensors',
    commands: [`import peft --into base ${IMPORT}`],
  },
  {
    name: 'zip of a PEFT adapter',
    file: 'peft.zip',
    format: 'zip',
    commands: [`import peft.zip --into base ${IMPORT}`],
  },
  {
    name: 'mlx adapter_config.json',
    file: 'mlx/adapter_config.json',
    format: 'json',
    commands: [`import mlx --into base --any-base ${IMPORT}`],
  },
  {
    name: 'mlx adapters.safetensors',
    file: 'mlx/adapters.safetensors',
    format: 'safetensors',
    commands: [`import mlx --into base --any-base ${IMPORT}`],
  },
  {
    name: 'model.json of a run',
    file: 'tuned/model/model.json',
    format: 'json',
    commands: [INSPECT, EVALUATE],
  },
  {
    name: 'weights.bin of a run',
    file: 'tuned/model/weights.bin',
    format: 'binary',
    commands: [INSPECT, EVALUATE],
    sameOnly: true,
  },
  {
    name: 'adapter of a run: configuration',
    file: 'tuned/adapter/adapter_config.json',
    format: 'json',
    commands: [INSPECT, EVALUATE],
  },
  {
    name: 'adapter of a run: weights',
    file: 'tuned/adapter/adapter_model.safetensors',
    format: 'safetensors',
    commands: [INSPECT, EVALUATE],
  },
  {
    name: 'run.json',
    file: 'tuned/run.json',
    format: 'json',
    commands: [INSPECT, EVALUATE, `merge tuned ${IMPORT}`, 'verify tuned --device cpu --data data --json'],
  },
  resumeKind('run.json of a stopped run', 'run.json', 'json'),
  resumeKind('metrics.jsonl', 'metrics.jsonl', 'json lines'),
  resumeKind('state.safetensors', 'state/state.safetensors', 'safetensors'),
  resumeKind("the guard's checks", 'state/guard.json', 'json'),
  resumeKind("the guard's best state", 'state/best.safetensors', 'safetensors'),
  {
    name: 'report.json',
    file: 'after.json',
    format: 'json',
    commands: [
      'compare before.json after.json --json',
      'compare after.json before.json --format markdown',
      'eval base --device cpu --data data --baseline after.json --json',
    ],
  },
  {
    name: 'trial of a sweep',
    file: 'swept/trials/*.json',
    format: 'json',
    commands: [`${SWEEP} --json`],
    restore: 'swept',
  },
  {
    name: 'policy of gates (TOML)',
    file: 'policy.toml',
    format: 'text',
    commands: ['compare before.json after.json --policy policy.toml --json'],
  },
  {
    name: 'settings (TOML)',
    file: 'settings.toml',
    format: 'text',
    commands: [
      `inject-lora base --config settings.toml ${IMPORT}`,
      `inject-lora base --config settings.toml --print-config ${IMPORT}`,
    ],
  },
];

/**
 * @param {string} name
 * @param {string} file
 * @param {import('./mutate-file.mjs').Format} format
 * @returns {Kind}
 */
function resumeKind(name, file, format) {
  return { name, file: `resumed/${file}`, format, commands: [RESUME], trained: 'resumed' };
}

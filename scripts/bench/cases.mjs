// The cases of the bench: what is measured, for which contenders, and which speed-ups are the goal.

/**
 * What a contender's process does.
 *
 * @typedef {object} Work
 * @property {'training' | 'evaluation' | 'whole'} task `whole`: a complete run of `steps` steps, including compilation
 * @property {'digits' | 'lora' | 'cnn' | 'wide'} model
 * @property {number} [width] units of each hidden layer of `wide`
 * @property {number} [batch] images per batch
 * @property {number} stepsPerCall for programs that run several steps at once
 * @property {'cpu' | 'cuda'} [device] default: cpu
 * @property {boolean} [tf32] whether a GPU may use TensorFloat-32
 * @property {string} [mode] of PyTorch on a GPU: script, eager, graph or compiled
 * @property {number} [threads] default: the framework's own
 * @property {string} [engine] of tfjs-lora; for plain tfjs `minimize` or `trainOnBatch`
 * @property {number} [unroll] of JAX's `lax.scan`: steps per iteration of the loop; 0 for one call per step
 * @property {number} [steps] length of a whole run; for tfjs-lora's `auto`, the length that it chooses an engine for
 *   (default: 6,000)
 * @property {number} seconds minimum duration of a round
 * @property {string} data folder of the IDX files
 */

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {string} framework a ratio compares the fastest contender of tfjs-lora with the fastest of another framework
 * @property {'node' | 'python'} program
 * @property {readonly string[]} script a file in `folder` with its arguments, or options of the program
 * @property {string} [folder] default: this folder
 * @property {Partial<Work>} work
 */

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} title
 * @property {'steps/s' | 'runs/s' | 's'} unit of the printed figures
 * @property {'serve' | 'run' | 'process'} kind `serve`: one process for all rounds; `run`: a process per round, which
 *   measures its own time; `process`: a process per round, measured from start to exit
 * @property {Partial<Work>} work
 * @property {readonly Contender[]} contenders those of tfjs-lora first
 * @property {readonly string[]} [prepare] for `process`: a script with its arguments that runs once before the rounds, in
 *   the working directory of the contender
 * @property {Readonly<Record<string, number>>} [goals] wanted speed-up over a framework
 * @property {number} [limitSeconds] how long tfjs-lora may take, or how much longer than the other contender
 * @property {boolean} [cached] whether processes share a cache of compiled code
 * @property {number} [operations] floating-point operations per unit; if given, the table shows TFLOP/s
 */

/** @type {(engine: string, threads?: number) => Contender} */
const product = (engine, threads) => ({
  name: `tfjs-lora ${engine}, ${threads ? `${threads} thread` : 'default'}`,
  framework: 'tfjs-lora',
  program: 'node',
  script: ['product.mjs'],
  work: { engine, threads },
});

/** @type {(engine: string) => Contender} */
const tfjs = (engine) => ({
  name: `tfjs ${engine}`,
  framework: engine,
  program: 'node',
  script: ['plain-tfjs.mjs'],
  work: { engine },
});

/** @type {(threads: number) => Contender} */
const pytorch = (threads) => ({
  name: `PyTorch fused Adam, ${threads} thread${threads > 1 ? 's' : ''}`,
  framework: 'PyTorch',
  program: 'python',
  script: ['pytorch.py'],
  work: { threads },
});

/** @type {(unroll: number) => Contender} */
const jax = (unroll) => ({
  name: unroll === 0 ? 'JAX, one call per step' : `JAX loop, unroll ${unroll}`,
  framework: 'JAX',
  program: 'python',
  script: ['jax_loop.py'],
  work: { unroll },
});

const autoEngines = [product('auto'), product('auto', 1)];
const engines = [...autoEngines, product('graph', 1)];
const pytorches = [pytorch(1), pytorch(2)];

/**
 * @param {string} name
 * @param {string} title
 * @param {Partial<Work>} work
 * @param {readonly Contender[]} contenders
 * @param {Record<string, number>} [goals]
 * @returns {Case}
 */
function training(name, title, work, contenders, goals) {
  return {
    name,
    title,
    unit: 'steps/s',
    kind: 'serve',
    work: { task: 'training', ...work },
    contenders,
    goals,
  };
}

/** @type {readonly Case[]} */
export const cases = [
  training(
    'pretrain',
    'pretraining, batch 10',
    { model: 'digits', batch: 10, stepsPerCall: 500 },
    [...engines, product('xla'), tfjs('minimize'), tfjs('trainOnBatch'), ...pytorches, jax(1)],
    { JAX: 1.1, PyTorch: 3.5, trainOnBatch: 35 },
  ),
  ...Object.entries({ 32: 400, 128: 200, 512: 80 }).map(([batch, stepsPerCall]) =>
    training(
      `pretrain-${batch}`,
      `pretraining, batch ${batch}`,
      { model: 'digits', batch: Number(batch), stepsPerCall },
      [...autoEngines, tfjs('trainOnBatch'), ...pytorches, jax(1)],
    ),
  ),
  training(
    'lora',
    'LoRA rank 2, batch 10',
    { model: 'lora', batch: 10, stepsPerCall: 500 },
    [...engines, longRun(product('auto')), tfjs('minimize'), ...pytorches, jax(1), jax(4)],
    { JAX: 1.35 },
  ),
  training(
    'cnn',
    'CNN, batch 10',
    { model: 'cnn', batch: 10, stepsPerCall: 40 },
    [...autoEngines, tfjs('trainOnBatch'), ...pytorches, jax(0)],
    { PyTorch: 1.2 },
  ),
  training(
    'cnn-128',
    'CNN, batch 128',
    { model: 'cnn', batch: 128, stepsPerCall: 8 },
    [...autoEngines, tfjs('trainOnBatch'), ...pytorches, jax(0)],
    { PyTorch: 1.6 },
  ),
  training('width-256', 'widths 256, batch 10', { model: 'wide', width: 256, batch: 10, stepsPerCall: 400 }, [
    ...autoEngines,
    ...pytorches,
    jax(1),
  ]),
  training(
    'width-1024',
    'widths 1024, batch 10',
    { model: 'wide', width: 1024, batch: 10, stepsPerCall: 80 },
    [...engines, ...pytorches, jax(1)],
    { PyTorch: 2.2 },
  ),
  training(
    'width-4096',
    'widths 4096, batch 128',
    { model: 'wide', width: 4096, batch: 128, stepsPerCall: 4 },
    [...autoEngines, product('graph'), ...pytorches, jax(1)],
    { PyTorch: 1.8 },
  ),
  training(
    'mobilenet',
    'adapting MobileNetV2 (batch 8, 224x224)',
    { batch: 8, stepsPerCall: 1 },
    [
      ...['eager', 'graph', 'xla'].map((engine) => ({
        ...product(engine),
        script: ['mobilenet-product.mjs'],
      })),
      { ...tfjs('minimize'), script: ['mobilenet-tfjs.mjs'] },
      ...pytorches.map((contender) => ({
        ...contender,
        name: contender.name.replace('fused Adam', 'PEFT'),
        script: ['mobilenet_pytorch.py'],
      })),
    ],
    { minimize: 2, PyTorch: 1 },
  ),
  {
    name: 'evaluation',
    title: 'evaluation of 10,000 images',
    unit: 'runs/s',
    kind: 'serve',
    work: { task: 'evaluation', model: 'digits', stepsPerCall: 1 },
    contenders: [
      ...autoEngines.map((contender) => ({ ...contender, name: contender.name.replace(' auto', '') })),
      { ...tfjs('predict'), work: {} },
      ...pytorches.map((contender) => ({ ...contender, name: contender.name.replace(' fused Adam', '') })),
      { ...jax(0), name: 'JAX, 1,000 images per call' },
      { ...jax(0), name: 'JAX, 10,000 images per call', work: { unroll: 0, batch: 10_000 } },
    ],
  },
  wholeRun({ cached: false }),
  wholeRun({ cached: true }),
  {
    name: 'help',
    title: 'start-up: --help',
    unit: 's',
    kind: 'process',
    work: {},
    contenders: [
      command('tfjs-lora --help', 'tfjs-lora', ['../../bin/tfjs-lora.mjs', '--help']),
      command('node -e 0', 'node', ['-e', '0']),
    ],
    limitSeconds: 0.1,
  },
  {
    name: 'data',
    title: 'start-up: data',
    unit: 's',
    kind: 'process',
    work: {},
    contenders: [command('tfjs-lora data', 'tfjs-lora', ['../../bin/tfjs-lora.mjs', 'data'])],
  },
  {
    name: 'eval',
    title: 'start-up: eval',
    unit: 's',
    kind: 'process',
    work: {},
    prepare: ['../../bin/tfjs-lora.mjs', 'pretrain', '--steps', '10', '--out', 'base'],
    contenders: [command('tfjs-lora eval', 'tfjs-lora', ['../../bin/tfjs-lora.mjs', 'eval', 'base'])],
    limitSeconds: 1,
  },
  {
    name: 'walkthrough',
    title: 'walk-through, cold process to report',
    unit: 's',
    kind: 'process',
    work: {},
    contenders: [command('walk-through', 'tfjs-lora', ['../walkthrough.mjs'])],
    limitSeconds: 5,
  },
];

/**
 * @param {{ cached: boolean }} options
 * @returns {Case}
 */
function wholeRun({ cached }) {
  return {
    name: cached ? 'whole-cached' : 'whole',
    title: `6,000 steps with ${cached ? 'cached' : 'all'} compiling`,
    unit: 's',
    kind: 'run',
    work: { task: 'whole', model: 'digits', batch: 10, stepsPerCall: 500, steps: 6000 },
    contenders: [product('auto'), pytorch(1), jax(1)],
    goals: cached ? {} : { JAX: 1.4 },
    cached,
  };
}

/**
 * The contender with `auto` choosing for ten times as many steps, for which it may compile another loop.
 *
 * @param {Contender} contender
 * @returns {Contender}
 */
function longRun(contender) {
  return { ...contender, name: `${contender.name}, long run`, work: { ...contender.work, steps: 60_000 } };
}

/**
 * @param {string} name
 * @param {string} framework
 * @param {readonly string[]} script
 * @returns {Contender}
 */
function command(name, framework, script) {
  return { name, framework, program: 'node', script, work: {} };
}

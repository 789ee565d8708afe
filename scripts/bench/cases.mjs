// What the bench measures: cases, who takes part in each, and what ratio is wanted.

/**
 * What one program under measurement does.
 * @typedef {object} Work
 * @property {'training' | 'evaluation' | 'whole'} task `whole`: one run of an epoch, compiling included
 * @property {'digits' | 'lora' | 'cnn' | 'wide'} model
 * @property {number} [width] units of each hidden layer of `wide`
 * @property {number} [batch]
 * @property {number} chunk steps a call, where a program makes several
 * @property {'cpu' | 'cuda'} [device]
 * @property {boolean} [tf32] on a GPU
 * @property {string} [way] of PyTorch on a GPU
 * @property {number} [threads] all cores where it is not given
 * @property {string} [engine] of the product, or the way of plain tfjs
 * @property {number} [unroll] steps in one iteration of JAX's loop, 0 for a call for each step
 * @property {number} [steps] that the product's `auto` is told of, 6,000 where it is not given; of a whole run
 * @property {number} seconds least time of a round
 * @property {string} data folder of the IDX files
 */

/**
 * @typedef {object} Contender
 * @property {string} name
 * @property {string} team those of one team compete: the fastest stands for it; `tfjs-lora` against the others
 * @property {'node' | 'python'} program
 * @property {readonly string[]} script file in this folder, or what else the program is started with
 * @property {Partial<Work>} work
 */

/**
 * @typedef {object} Case
 * @property {string} name
 * @property {string} title
 * @property {'steps/s' | 'runs/s' | 's'} unit what a figure is shown in
 * @property {'serve' | 'run' | 'process'} kind one process for all rounds; one a round, which times itself; one a
 *   round, timed from start to end
 * @property {Partial<Work>} work
 * @property {readonly Contender[]} contenders
 * @property {Readonly<Record<string, number>>} [goals] least ratio to a team
 * @property {number} [limitSeconds] most seconds that the product may take, or take longer than the other contender
 * @property {boolean} [cached] compiled code is kept from process to process
 * @property {number} [operations] floating-point operations of one unit, where they are shown as a rate
 */

/** @type {(engine: string, threads?: number) => Contender} */
const product = (engine, threads) => ({
  name: `tfjs-lora ${engine}, ${threads ? `${threads} thread` : 'all cores'}`,
  team: 'tfjs-lora',
  program: 'node',
  script: ['product.mjs'],
  work: { engine, threads },
});

/** @type {(engine: string) => Contender} */
const tfjs = (engine) => ({
  name: `tfjs ${engine}`,
  team: engine,
  program: 'node',
  script: ['plain-tfjs.mjs'],
  work: { engine },
});

/** @type {(threads: number) => Contender} */
const pytorch = (threads) => ({
  name: `PyTorch fused Adam, ${threads} thread${threads > 1 ? 's' : ''}`,
  team: 'PyTorch',
  program: 'python',
  script: ['pytorch.py'],
  work: { threads },
});

/** @type {(unroll: number) => Contender} */
const jax = (unroll) => ({
  name: unroll === 0 ? 'JAX, a call a step' : `JAX loop, ${unroll} step${unroll > 1 ? 's' : ''} a turn`,
  team: 'JAX',
  program: 'python',
  script: ['jax_loop.py'],
  work: { unroll },
});

const both = [product('auto'), product('auto', 1)];
const engines = [...both, product('graph', 1)];
const torches = [pytorch(1), pytorch(2)];

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
    { model: 'digits', batch: 10, chunk: 500 },
    [...engines, product('xla'), tfjs('minimize'), tfjs('trainOnBatch'), ...torches, jax(1)],
    { JAX: 1.1, PyTorch: 3.5, trainOnBatch: 35 },
  ),
  ...Object.entries({ 32: 400, 128: 200, 512: 80 }).map(([batch, chunk]) =>
    training(
      `pretrain-${batch}`,
      `pretraining, batch ${batch}`,
      { model: 'digits', batch: Number(batch), chunk },
      [...both, tfjs('trainOnBatch'), ...torches, jax(1)],
    ),
  ),
  training(
    'lora',
    'LoRA rank 2, batch 10',
    { model: 'lora', batch: 10, chunk: 500 },
    [...engines, longRun(product('auto')), tfjs('minimize'), ...torches, jax(1), jax(4)],
    { JAX: 1.35 },
  ),
  training(
    'cnn',
    'CNN, batch 10',
    { model: 'cnn', batch: 10, chunk: 40 },
    [...both, tfjs('trainOnBatch'), ...torches, jax(0)],
    { PyTorch: 1.2 },
  ),
  training(
    'cnn-128',
    'CNN, batch 128',
    { model: 'cnn', batch: 128, chunk: 8 },
    [...both, tfjs('trainOnBatch'), ...torches, jax(0)],
    { PyTorch: 1.6 },
  ),
  training('width-256', 'widths 256, batch 10', { model: 'wide', width: 256, batch: 10, chunk: 400 }, [
    ...both,
    ...torches,
    jax(1),
  ]),
  training(
    'width-1024',
    'widths 1024, batch 10',
    { model: 'wide', width: 1024, batch: 10, chunk: 80 },
    [...engines, ...torches, jax(1)],
    { PyTorch: 2.2 },
  ),
  training(
    'width-4096',
    'widths 4096, batch 128',
    { model: 'wide', width: 4096, batch: 128, chunk: 4 },
    [...both, product('graph'), ...torches, jax(1)],
    { PyTorch: 1.8 },
  ),
  {
    name: 'evaluation',
    title: 'evaluation of 10,000 images',
    unit: 'runs/s',
    kind: 'serve',
    work: { task: 'evaluation', model: 'digits', chunk: 1 },
    contenders: [
      ...both.map((one) => ({ ...one, name: one.name.replace(' auto', '') })),
      { ...tfjs('predict'), work: {} },
      ...torches.map((one) => ({ ...one, name: one.name.replace(' fused Adam', '') })),
      { ...jax(0), name: 'JAX' },
    ],
  },
  ...[false, true].map((cached) => whole(cached)),
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
 * @param {boolean} cached
 * @returns {Case}
 */
function whole(cached) {
  return {
    name: cached ? 'whole-cached' : 'whole',
    title: `6,000 steps with ${cached ? 'cached' : 'all'} compiling`,
    unit: 's',
    kind: 'run',
    work: { task: 'whole', model: 'digits', batch: 10, chunk: 500, steps: 6000 },
    contenders: [product('auto'), pytorch(1), jax(1)],
    goals: cached ? {} : { JAX: 3 },
    cached,
  };
}

/**
 * An engine that is told of ten times the steps, which may be worth another loop.
 *
 * @param {Contender} contender
 * @returns {Contender}
 */
function longRun(contender) {
  return { ...contender, name: `${contender.name}, long run`, work: { ...contender.work, steps: 60_000 } };
}

/**
 * @param {string} name
 * @param {string} team
 * @param {readonly string[]} script
 * @returns {Contender}
 */
function command(name, team, script) {
  return { name, team, program: 'node', script, work: {} };
}

// The cases of the bench on a GPU.
import { stepOperations } from './operations.mjs';

/** @typedef {import('./cases.mjs').Case} Case */
/** @typedef {import('./cases.mjs').Contender} Contender */
/** @typedef {import('./cases.mjs').Work} Work */

/** @type {Contender} */
const product = {
  name: 'tfjs-lora',
  framework: 'tfjs-lora',
  program: 'node',
  script: ['product.mjs'],
  work: {},
};

/** @type {Contender} */
const minimize = {
  name: 'tfjs-node-gpu minimize',
  framework: 'minimize',
  program: 'node',
  script: ['plain-tfjs.mjs'],
  work: { engine: 'minimize' },
};

/** @type {Contender} */
const jax = {
  name: 'JAX loop',
  framework: 'JAX',
  program: 'python',
  script: ['jax_loop.py'],
  work: { unroll: 1 },
};

/** @type {(mode: string, name: string, work?: Partial<Work>) => Contender} */
const torch = (mode, name, work) => ({
  name: `PyTorch ${name}`,
  framework: `PyTorch ${name}`,
  program: 'python',
  script: ['pytorch_cuda.py'],
  work: { mode, ...work },
});

const script = torch('script', 'script', { stepsPerCall: 300 });
const eager = torch('eager', 'eager, fused Adam', { stepsPerCall: 100 });
const graph = torch('graph', 'CUDA graph', { stepsPerCall: 100 });
const compiled = torch('compiled', 'compiled');

/**
 * @param {string} name
 * @param {string} title
 * @param {Partial<Work>} work
 * @param {readonly Contender[]} contenders
 * @param {Record<string, number>} [goals]
 * @returns {Case}
 */
function training(name, title, work, contenders, goals) {
  const common = { task: /** @type {const} */ ('training'), device: /** @type {const} */ ('cuda') };
  const operations = stepOperations(work);
  return {
    name,
    title,
    unit: 'steps/s',
    kind: 'serve',
    work: { ...common, ...work },
    contenders,
    goals,
    operations,
  };
}

/** @type {(width: number, batch: number, stepsPerCall: number, goals?: Record<string, number>) => Case} */
const wide = (width, batch, stepsPerCall, goals) =>
  training(
    `width-${width}-${batch}`,
    `widths ${width}, batch ${batch}`,
    { model: 'wide', width, batch, stepsPerCall },
    [product, jax, compiled],
    goals,
  );

/** The `stepsPerCall` that tfjs-lora's engine chooses on a GPU, by batch size. */
const STEPS_PER_CALL = { 10: 2000, 128: 1562, 512: 390, 4096: 64 };

/** @type {readonly Case[]} */
export const gpuCases = [
  training(
    'pretrain',
    'pretraining, batch 10',
    { model: 'digits', batch: 10, stepsPerCall: STEPS_PER_CALL[10] },
    [product, jax, graph, eager, script, minimize],
    { 'PyTorch CUDA graph': 1.5, JAX: 1, minimize: 150 },
  ),
  training(
    'pretrain-128',
    'pretraining, batch 128',
    { model: 'digits', batch: 128, stepsPerCall: STEPS_PER_CALL[128] },
    [product, jax, graph],
    { JAX: 1.05 },
  ),
  training(
    'lora',
    'LoRA rank 2, batch 10',
    { model: 'lora', batch: 10, stepsPerCall: STEPS_PER_CALL[10] },
    [product, jax, graph, minimize],
    { JAX: 1 },
  ),
  training(
    'cnn',
    'CNN, batch 10',
    { model: 'cnn', batch: 10, stepsPerCall: STEPS_PER_CALL[10] },
    [product, jax, graph, eager],
    {
      JAX: 1,
    },
  ),
  training(
    'cnn-128',
    'CNN, batch 128',
    { model: 'cnn', batch: 128, stepsPerCall: 1500 },
    [product, jax, graph, eager],
    { JAX: 1 },
  ),
  wide(1024, 128, STEPS_PER_CALL[128], { JAX: 1.05 }),
  wide(1024, 4096, STEPS_PER_CALL[4096], { JAX: 1.05 }),
  wide(4096, 512, STEPS_PER_CALL[512], { 'PyTorch compiled': 1 }),
  wide(8192, 4096, STEPS_PER_CALL[4096]),
  {
    name: 'evaluation',
    title: 'evaluation of 10,000 images',
    unit: 'runs/s',
    kind: 'serve',
    work: { task: 'evaluation', device: 'cuda', model: 'digits', batch: 10_000, stepsPerCall: 1 },
    contenders: [product, { ...jax, name: 'JAX' }, torch('eager', 'eager'), torch('compiled', 'compiled')],
    goals: { 'PyTorch eager': 0.6 },
  },
];

// What the bench measures on a CUDA device.
import { stepOperations } from './operations.mjs';

/** @typedef {import('./cases.mjs').Case} Case */
/** @typedef {import('./cases.mjs').Contender} Contender */
/** @typedef {import('./cases.mjs').Work} Work */

/** @type {Contender} */
const product = { name: 'tfjs-lora', team: 'tfjs-lora', program: 'node', script: ['product.mjs'], work: {} };

/** @type {Contender} */
const minimize = {
  name: 'tfjs-node-gpu minimize',
  team: 'minimize',
  program: 'node',
  script: ['plain-tfjs.mjs'],
  work: { engine: 'minimize' },
};

/** @type {Contender} */
const jax = {
  name: 'JAX loop',
  team: 'JAX',
  program: 'python',
  script: ['jax_loop.py'],
  work: { unroll: 1 },
};

/** @type {(way: string, name: string, work?: Partial<Work>) => Contender} */
const torch = (way, name, work) => ({
  name: `PyTorch ${name}`,
  team: `PyTorch ${name}`,
  program: 'python',
  script: ['pytorch_cuda.py'],
  work: { way, ...work },
});

const script = torch('script', 'script', { chunk: 300 });
const eager = torch('eager', 'eager, fused Adam', { chunk: 100 });
const graph = torch('graph', 'CUDA graph', { chunk: 100 });
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
  const shared = { task: /** @type {const} */ ('training'), device: /** @type {const} */ ('cuda') };
  const operations = stepOperations(work);
  return {
    name,
    title,
    unit: 'steps/s',
    kind: 'serve',
    work: { ...shared, ...work },
    contenders,
    goals,
    operations,
  };
}

/** @type {(width: number, batch: number, chunk: number, goals?: Record<string, number>) => Case} */
const wide = (width, batch, chunk, goals) =>
  training(
    `width-${width}-${batch}`,
    `widths ${width}, batch ${batch}`,
    { model: 'wide', width, batch, chunk },
    [product, jax, compiled],
    goals,
  );

/** What an engine's `stepsPerCall` is on a GPU for batches of 10, 128, 512 and above. */
const [small, middle, large, least] = [2000, 1562, 390, 64];

/** @type {readonly Case[]} */
export const gpuCases = [
  training(
    'pretrain',
    'pretraining, batch 10',
    { model: 'digits', batch: 10, chunk: small },
    [product, jax, graph, eager, script, minimize],
    { 'PyTorch CUDA graph': 1.5, JAX: 1, minimize: 150 },
  ),
  training('pretrain-128', 'pretraining, batch 128', { model: 'digits', batch: 128, chunk: middle }, [
    product,
    jax,
    graph,
  ]),
  training(
    'lora',
    'LoRA rank 2, batch 10',
    { model: 'lora', batch: 10, chunk: small },
    [product, jax, graph, minimize],
    { JAX: 1 },
  ),
  training('cnn', 'CNN, batch 10', { model: 'cnn', batch: 10, chunk: small }, [product, jax, graph, eager], {
    JAX: 1,
  }),
  training(
    'cnn-128',
    'CNN, batch 128',
    { model: 'cnn', batch: 128, chunk: 1500 },
    [product, jax, graph, eager],
    { JAX: 1 },
  ),
  wide(1024, 128, middle),
  wide(1024, 4096, least),
  wide(4096, 512, large, { 'PyTorch compiled': 1 }),
  wide(8192, 4096, least),
  {
    name: 'evaluation',
    title: 'evaluation of 10,000 images',
    unit: 'runs/s',
    kind: 'serve',
    work: { task: 'evaluation', device: 'cuda', model: 'digits', batch: 10_000, chunk: 1 },
    contenders: [product, { ...jax, name: 'JAX' }, torch('eager', 'eager'), torch('compiled', 'compiled')],
  },
];

// Repeats the published experiment over five seeds and prints the tables of docs/published-experiment.md.
// Run it with: node scripts/studies/published.mjs

import { overall, perClass } from '../../dist/metrics/index.js';
import { finetune } from '../../dist/recipes/index.js';
import { loadData, mean, percent, pretrain, SEEDS, TARGET_DIGITS, table, tensorflow } from './lib.mjs';

/** @typedef {import('../../dist/metrics/index.js').Evaluation} Evaluation */

const STEPS = 200;

/**
 * The published results and the options that reproduce them. Method 1 reshapes B·A to the shape of PyTorch's weight and
 * freezes the biases; method 2 is a parallel branch and trains the biases. `neither` has no reshape and freezes the
 * biases.
 *
 * @type {{ name: string, published?: { accuracy: number, loss: number, wrong: number[] },
 *   lora?: Partial<import('../../dist/lora/index.js').LoraConfig> }[]}
 */
const PHASES = [
  {
    name: 'pretrained',
    published: { accuracy: 0.891, loss: 0.72, wrong: [33, 12, 147, 115, 69, 196, 98, 91, 185, 148] },
  },
  {
    name: 'method 1',
    published: { accuracy: 0.683, loss: 0.329, wrong: [543, 484, 79, 101, 609, 98, 348, 765, 103, 44] },
    lora: { method: 'weight-view', bias: 'none' },
  },
  {
    name: 'method 2',
    published: { accuracy: 0.78, loss: 0.413, wrong: [88, 503, 97, 101, 361, 119, 120, 651, 103, 55] },
    lora: { method: 'side', bias: 'all' },
  },
  { name: 'neither', lora: { method: 'side', bias: 'none' } },
];

const data = await loadData();
const results = PHASES.map((phase) => ({
  ...phase,
  runs: /** @type {{ evaluation: Evaluation, meanLoss: number }[]} */ ([]),
}));
for (const seed of SEEDS) {
  const base = await pretrain(data, seed);
  for (const { lora, runs } of results) {
    if (!lora) {
      runs.push({ evaluation: base.evaluation, meanLoss: mean(base.losses) });
      continue;
    }
    const tuned = await finetune({
      tensorflow,
      data,
      run: base,
      seed,
      targetLabels: TARGET_DIGITS,
      lora: { rank: 2, alpha: 1, init: 'normal', ...lora },
      steps: STEPS,
    });
    runs.push({ evaluation: tuned.after, meanLoss: mean(tuned.losses) });
    tuned.dispose();
  }
  base.dispose();
}

const header = ['', 'published', ...SEEDS.map((seed) => `seed ${seed}`)];
const accuracies = results.map(({ name, published, runs }) => [
  name,
  published ? percent(published.accuracy) : '',
  ...runs.map(({ evaluation }) => percent(overall(evaluation).accuracy)),
]);
const losses = results.map(({ name, published, runs }) => [
  name,
  published?.loss ?? '',
  ...runs.map(({ meanLoss }) => meanLoss.toFixed(3)),
]);
const wrong = results.flatMap(({ name, published, runs }) => [
  ...(published ? [[`${name}, published`, ...published.wrong]] : []),
  ...runs.map(({ evaluation }, index) => [
    `${name}, seed ${SEEDS[index]}`,
    ...perClass(evaluation).map(({ errors }) => errors),
  ]),
]);
const digits = ['', ...Array.from({ length: 10 }, (_, digit) => digit)];
console.log(`Accuracy on the 10,000 test images:\n\n${table([header, ...accuracies])}\n`);
console.log(`Mean loss over the steps of training:\n\n${table([header, ...losses])}\n`);
console.log(`Misclassified images, by digit:\n\n${table([digits, ...wrong])}`);

// Fine-tunes a digit classifier on five digits without forgetting the others.
//
//     node examples/fine-tune-digits.mjs
//
// The same as `tfjs-lora pretrain` and `tfjs-lora finetune`, from a program: options are typed, progress arrives in a
// callback, and the results are objects.
import { finetune, pretrain } from 'tfjs-lora';

const tensorflow = { device: 'cpu', threads: 1 };

const base = await pretrain({ tensorflow, epochs: 1, seed: 0 });
const tuned = await finetune({
  tensorflow,
  run: base,
  targetLabels: [2, 3, 5, 8, 9],
  lora: { rank: 8, alpha: 8 },
  steps: 1000,
  batchSize: 50,
  replay: 0.5, // half of each batch from the other digits
  guard: { maxDrop: 0.005, checkEvery: 25 }, // no other digit may lose more than half a point
  validation: 0.2,
  onProgress: ({ step, steps, meanLoss }) => console.error(`${step}/${steps}: loss ${meanLoss.toFixed(3)}`),
});

const { target, other, total } = tuned.comparison;
for (const [name, change] of Object.entries({ target, other, total })) {
  console.log(`${name}: ${change.before.errors} errors before, ${change.after.errors} after`);
}
console.log(`kept step: ${tuned.report.guard.training.keptStep}`);

tuned.dispose();
base.dispose();

// Compares countermeasures against forgetting over five seeds and prints the tables of docs/forgetting.md.
// Run it with: node scripts/studies/forgetting.mjs

import { selectRows, splitRows } from '../../dist/data/index.js';
import { finetune } from '../../dist/recipes/index.js';
import { loadData, pretrain, SEEDS, TARGET_DIGITS, table, tensorflow } from './lib.mjs';

/** Fraction of the training set that is held out for validation. */
const VALIDATION = 0.2;
/** Accuracy that any other digit may lose on the validation images: half a point. */
const MAX_DROP = 0.005;

/**
 * @typedef {object} Setting
 * @property {string} name
 * @property {number} steps
 * @property {number} batchSize
 * @property {number} rank
 * @property {number} alpha
 * @property {number} [replay]
 * @property {boolean} [guard]
 * @property {boolean} [strength] whether to search the adapter's strength after training
 */
const PUBLISHED = { steps: 200, batchSize: 10, rank: 2, alpha: 1 };
const LONGER = { steps: 1000, batchSize: 50, rank: 8, alpha: 8 };

/** @type {Setting[]} */
const SETTINGS = [
  { name: 'no guard', ...PUBLISHED },
  { name: 'replay', ...PUBLISHED, replay: 0.5 },
  { name: 'guard', ...PUBLISHED, guard: true },
  { name: 'strength', ...PUBLISHED, strength: true },
  { name: 'replay, then strength', ...PUBLISHED, replay: 0.5, strength: true },
  { name: 'longer', ...LONGER },
  { name: 'longer, replay', ...LONGER, replay: 0.5 },
  { name: 'longer, replay and guard', ...LONGER, replay: 0.5, guard: true },
];

const data = await loadData();
/** @typedef {import('../../dist/metrics/index.js').Change} Change */
/** @type {{ setting: Setting, changes: Change[], lost: number, cells: (string | number)[] }[]} */
const results = [];
for (const seed of SEEDS) {
  const base = await pretrain(data, seed);
  // Settings without validation train on the same images as those with validation.
  const { train } = splitRows(data.train, { fraction: VALIDATION, seed });
  const trainRowsOnly = { ...data, train: selectRows(data.train, train) };
  for (const setting of SETTINGS) {
    console.error(`seed ${seed}, ${setting.name}`);
    const { rank, alpha, steps, batchSize, replay = 0, guard, strength } = setting;
    const holdsOut = guard || strength;
    const tuned = await finetune({
      tensorflow,
      data: holdsOut ? data : trainRowsOnly,
      run: base,
      seed,
      targetLabels: TARGET_DIGITS,
      lora: { rank, alpha },
      steps,
      batchSize,
      replay,
      guard: guard ? { maxDrop: MAX_DROP, checkEvery: replay > 0 ? 25 : 5, patience: 40 } : undefined,
      searchStrength: strength && { maxDrop: MAX_DROP },
      validation: holdsOut ? VALIDATION : undefined,
    });
    const { classes, target, other, total } = tuned.comparison;
    const lost = classes.filter(
      (change) => !change.isTarget && change.significant && change.after.errors > change.before.errors,
    );
    const errors = (/** @type {Change} */ change) => `${change.before.errors} → ${change.after.errors}`;
    const changes = /** @type {Change[]} */ ([target, other, total]);
    const { adapter, training } = tuned.manifest;
    results.push({
      setting,
      changes,
      lost: lost.length,
      cells: [
        seed,
        ...changes.map(errors),
        lost.map((change) => `${change.className} (${errors(change)})`).join(', ') || 'none',
        strength ? `strength ${adapter?.strength}` : `step ${training?.stepsDone}`,
      ],
    });
    tuned.dispose();
  }
  base.dispose();
}

/** '-45 to -29 %'. Adding 0 turns -0 into 0. @param {number[]} values */
const range = (values) =>
  `${Math.round(Math.min(...values)) + 0} to ${Math.round(Math.max(...values)) + 0} %`;
const summary = SETTINGS.map((setting) => {
  const runs = results.filter((result) => result.setting === setting);
  const ranges = [0, 1, 2].map((kind) =>
    range(
      runs.map(({ changes }) => {
        const { before, after } = /** @type {Change} */ (changes[kind]);
        return 100 * (after.errors / before.errors - 1);
      }),
    ),
  );
  return [setting.name, ...ranges, `${runs.filter(({ lost }) => lost > 0).length} of ${runs.length}`];
});
const summaryHeader = [
  'errors of',
  'target digits',
  'other digits',
  'all digits',
  'seeds in which another digit lost significantly',
];
console.log(`${table([summaryHeader, ...summary])}\n`);

const header = [
  'seed',
  'target digits',
  'other digits',
  'all',
  'other digits that lost significantly',
  'kept',
];
for (const setting of SETTINGS) {
  const rows = results.filter((result) => result.setting === setting).map(({ cells }) => cells);
  console.log(`### ${setting.name}\n\n${table([header, ...rows])}\n`);
}

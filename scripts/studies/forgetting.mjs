// Measures what keeps fine-tuning from forgetting, over five seeds; prints the tables of docs/forgetting.md.

import { injectLora, setAdapterStrength } from '../../dist/lora/index.js';
import { compareEvaluations, perClass } from '../../dist/metrics/index.js';
import { replaySampler, selectRows, shuffledSampler, splitRows } from '../../dist/mnist-data-loader/index.js';
import { adaptiveReplay, createEngine, searchStrength, trainGuarded } from '../../dist/training/index.js';
import { OTHER_DIGITS, pretrain, run, SEEDS, start, TARGET_DIGITS, table, taskOf, test } from './lib.mjs';

/** Share of the training set that is held out to validate, and what any other digit may lose there. */
const VALIDATION = 0.2;
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
 * @property {boolean} [strength]
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

const { train, test: testSet } = await start();
/** @typedef {import('../../dist/metrics/index.js').Change} Change */
/** @type {{ setting: Setting, changes: Change[], lost: number, cells: (string | number)[] }[]} */
const results = [];
for (const seed of SEEDS) {
  const { model: base } = await pretrain(train, seed);
  const before = test(base, testSet);
  const rows = splitRows(train, { share: VALIDATION, seed });
  const validation = selectRows(train, rows.validation);
  for (const setting of SETTINGS) {
    const model = injectLora(base, { rank: setting.rank, alpha: setting.alpha, seed });
    console.error(`seed ${seed}, ${setting.name}`);
    const note = await tune(model, setting, { seed, trainRows: rows.train, validation });
    const { classes, target, other, total } = compareEvaluations(before, test(model, testSet), {
      targetLabels: TARGET_DIGITS,
    });
    const lost = classes.filter(
      (one) => !one.isTarget && one.significant && one.after.errors > one.before.errors,
    );
    const errors = (/** @type {Change} */ change) => `${change.before.errors} → ${change.after.errors}`;
    const changes = /** @type {Change[]} */ ([target, other, total]);
    results.push({
      setting,
      changes,
      lost: lost.length,
      cells: [
        seed,
        ...changes.map(errors),
        lost.map((one) => `${one.className} (${errors(one)})`).join(', ') || 'none',
        note,
      ],
    });
    model.dispose();
  }
  base.dispose();
}

/** The range of percentages. @param {number[]} values */
const range = (values) =>
  `${Math.round(Math.min(...values)) + 0} to ${Math.round(Math.max(...values)) + 0} %`;
const summary = SETTINGS.map((setting) => {
  const runs = results.filter((one) => one.setting === setting);
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
const kinds = ['errors of', 'target digits', 'other digits', 'all digits'];
console.log(`${table([[...kinds, 'seeds in which another digit lost significantly'], ...summary])}\n`);

const head = ['seed', 'target digits', 'other digits', 'all', 'other digits that lost significantly', 'kept'];
for (const setting of SETTINGS) {
  const rows = results.filter((one) => one.setting === setting).map(({ cells }) => cells);
  console.log(`### ${setting.name}\n\n${table([head, ...rows])}\n`);
}

/**
 * Trains the adapter of a model as a setting says.
 *
 * @param {import('@tensorflow/tfjs').LayersModel} model
 * @param {Setting} setting
 * @param {{ seed: number, trainRows: Int32Array, validation: import('../../dist/mnist-data-loader/index.js').ImageDataset }} data
 * @returns {Promise<string>} the step or the strength that was kept
 */
async function tune(
  model,
  { steps, batchSize, replay = 0, guard, strength },
  { seed, trainRows, validation },
) {
  const task = taskOf(model, train, seed, batchSize);
  const ofLabels = (/** @type {number[]} */ labels) =>
    trainRows.filter((row) => labels.includes(/** @type {number} */ (train.labels[row])));
  const rows = ofLabels(TARGET_DIGITS);
  const measure = () => perClass(test(model, validation));
  const budget = { targetLabels: TARGET_DIGITS, maxDrop: MAX_DROP };
  if (guard) {
    const replayRows = new Map(OTHER_DIGITS.map((label) => [label, ofLabels([label])]));
    const steered =
      replay === 0
        ? undefined
        : adaptiveReplay({ rows, replayRows, share: replay, batchSize, seed, maxDrop: MAX_DROP });
    const engine = createEngine('auto', task, { steps });
    const options = {
      ...budget,
      before: measure(),
      measure,
      checkEvery: steered ? 25 : 5,
      patience: 40,
      replay: steered,
    };
    const training = trainGuarded({
      task,
      engine,
      sampler: steered ?? shuffledSampler({ rows, seed }),
      steps,
      guard: options,
    });
    let next = await training.next();
    while (!next.done) next = await training.next();
    engine.dispose();
    return `step ${next.value.kept.step}`;
  }
  const order =
    replay === 0
      ? shuffledSampler({ rows, seed })
      : replaySampler({ rows, replayRows: ofLabels(OTHER_DIGITS), share: replay, batchSize, seed });
  await run(task, order, steps);
  if (!strength) return `step ${steps}`;
  const found = searchStrength(budget, (share) => {
    setAdapterStrength(model, share);
    return measure();
  });
  setAdapterStrength(model, found.strength);
  return `strength ${found.strength}`;
}

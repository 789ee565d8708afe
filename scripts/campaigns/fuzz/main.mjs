// Damages files of every kind, and sets options to hostile values: npm run test:fuzz.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { basename, join } from 'node:path';
import { parseArgs } from 'node:util';
import { createRandom } from '../../../dist/random.js';
import { countOption, runCampaign } from '../campaign.mjs';
import { useCommandEnvironment } from '../command-line.mjs';
import { inTemporaryFolder } from '../workplace.mjs';
import { inputPath, writeInputs } from './inputs.mjs';
import { KINDS } from './kinds.mjs';
import { mutateFile } from './mutate-file.mjs';
import { optionVariant } from './options.mjs';
import { Worker } from './pool.mjs';
import { faultOf } from './verdict.mjs';

/** @typedef {import('./worker.mjs').Outcome} Outcome */

const OPTIONS = 'option values';
const NAMES = [...KINDS.map(({ name }) => name), OPTIONS];

const GUARANTEE = 'a clear error, or a valid result';
/** @type {Outcome} */
const NOTHING_EXPECTED = { code: 0, out: '', err: '', left: [], peakMb: 0 };

const usage = `Usage: npm run test:fuzz -- [--variants N] [--first N] [--seed N] [--only TEXT]... [--jobs N] [--keep DIR]

--variants N   damaged variants per kind (default: 1000)
--first N      number of the first variant, to repeat one that failed (default: 0)
--seed N       seed of the variants (default: 0)
--only TEXT    kinds whose name contains this text only; repeatable
--jobs N       processes at the same time (default: the number of cores)
--limit-ms N   time per variant (default: 20000)
--keep DIR     write the files that failed to this folder

Kinds: ${NAMES.join(', ')}
`;

/**
 * @typedef {object} Variant
 * @property {string} title
 * @property {import('./worker.mjs').Job} job
 * @property {{ sameOnly?: boolean, leaves?: boolean }} rules
 */

await runCampaign(usage, async () => {
  const { values } = parseArgs({
    options: {
      variants: { type: 'string' },
      first: { type: 'string' },
      seed: { type: 'string' },
      only: { type: 'string', multiple: true, default: [] },
      jobs: { type: 'string' },
      'limit-ms': { type: 'string' },
      keep: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  });
  if (values.help) return undefined;
  const variants = countOption('variants', values.variants, 1000);
  const first = countOption('first', values.first, 0);
  const seed = countOption('seed', values.seed, 0);
  const jobs = countOption('jobs', values.jobs, availableParallelism());
  const limitMs = countOption('limit-ms', values['limit-ms'], 20_000);
  const names = NAMES.filter(
    (name) => values.only.length === 0 || values.only.some((text) => name.includes(text)),
  );
  useCommandEnvironment();
  return await inTemporaryFolder(async (folder) => {
    const inputs = join(folder, 'inputs');
    mkdirSync(inputs);
    await writeInputs(inputs);
    const workers = Array.from({ length: Math.max(1, jobs) }, (_, index) => {
      return new Worker(inputs, join(folder, `worker-${index}`), limitMs);
    });
    try {
      const rows = [];
      for (const name of names) {
        const variantOf = name === OPTIONS ? optionSource(seed) : fileSource(name, inputs, seed);
        rows.push(await attackKind(name, { workers, variantOf, first, variants, keep: values.keep }));
      }
      return rows;
    } finally {
      await Promise.all(workers.map((worker) => worker.stop()));
    }
  });
});

/**
 * @param {string} name
 * @param {object} options
 * @param {readonly Worker[]} options.workers
 * @param {(index: number) => Variant} options.variantOf
 * @param {number} options.first
 * @param {number} options.variants
 * @param {string} [options.keep]
 */
async function attackKind(name, { workers, variantOf, first, variants, keep }) {
  const started = performance.now();
  /** @type {Map<string, Outcome>} */
  const expected = new Map();
  let next = first;
  let survived = 0;
  const work = async (/** @type {Worker} */ worker) => {
    while (next < first + variants) {
      const index = next++;
      const { title, job, rules } = variantOf(index);
      const baseline = name === OPTIONS ? NOTHING_EXPECTED : await undamaged(job, worker, expected);
      const fault = faultOf(await worker.run(job), baseline, rules);
      if (fault === undefined) survived++;
      else report(name, { index, title, job, fault, keep });
    }
  };
  await Promise.all(workers.map(work));
  const seconds = (performance.now() - started) / 1000;
  console.error(
    `${name}: ${survived} of ${variants} survived, ${(variants / seconds).toFixed(0)} per second`,
  );
  return { guarantee: GUARANTEE, attack: name, tried: variants, survived };
}

/**
 * What a command does with the undamaged file.
 *
 * @param {import('./worker.mjs').Job} job
 * @param {Worker} worker
 * @param {Map<string, Outcome>} known by command
 */
async function undamaged(job, worker, known) {
  const key = job.argv.join(' ');
  const before = known.get(key);
  if (before) return before;
  const outcome = await worker.run({ ...job, files: {} });
  if ('fault' in outcome || outcome.code !== 0)
    throw new Error(`${key}: fails undamaged: ${JSON.stringify(outcome)}`);
  known.set(key, outcome);
  return outcome;
}

/**
 * @param {string} name
 * @param {{ index: number, title: string, job: import('./worker.mjs').Job, fault: string, keep?: string }} failure
 */
function report(name, { index, title, job, fault, keep }) {
  const command = job.argv.map((word) => word.slice(0, 80)).join(' ');
  console.error(`FAULT ${name} ${index} (${title}): ${JSON.stringify(command)}: ${fault}`);
  if (keep === undefined) return;
  mkdirSync(keep, { recursive: true });
  for (const [path, bytes] of Object.entries(job.files)) {
    writeFileSync(join(keep, `${name.replaceAll(/\W+/g, '-')}-${index}-${basename(path)}`), bytes);
  }
}

/**
 * @param {string} name
 * @param {string} inputs
 * @param {number} seed
 * @returns {(index: number) => Variant}
 */
function fileSource(name, inputs, seed) {
  const number = KINDS.findIndex((candidate) => candidate.name === name);
  const kind = /** @type {import('./kinds.mjs').Kind} */ (KINDS[number]);
  const file = inputPath(inputs, kind.file);
  const bytes = readFileSync(join(inputs, file));
  const { trained, restore = trained ?? file } = kind;
  return (index) => {
    const variant = mutateFile(bytes, kind.format, createRandom(seed, number, index));
    const argv = (kind.commands[index % kind.commands.length] ?? '').split(' ');
    const job = {
      argv,
      files: { [file]: variant.bytes },
      restore: [restore],
      trained,
    };
    // A part of a file is never accepted as the file, except for formats in which the end can be left out.
    const isPart = variant.title === 'truncation' && kind.format !== 'text';
    return { title: variant.title, job, rules: { sameOnly: kind.sameOnly || isPart } };
  };
}

/**
 * @param {number} seed
 * @returns {(index: number) => Variant}
 */
function optionSource(seed) {
  return (index) => ({
    ...optionVariant(index, createRandom(seed, KINDS.length, index)),
    rules: { leaves: true },
  });
}

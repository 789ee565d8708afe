// Runs jobs of the fuzz campaign in a process of its own, one after the other. The parent ends it if a job hangs.
import { existsSync, readdirSync } from 'node:fs';
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { mustRun, runCommand, useCommandEnvironment } from '../command-line.mjs';

/**
 * @typedef {object} Job
 * @property {readonly string[]} argv
 * @property {Record<string, string>} [env]
 * @property {Readonly<Record<string, Uint8Array>>} files content of files by path within the workplace
 * @property {readonly string[]} restore files and folders to restore from the inputs afterwards
 * @property {string} [trained] run that must have a finite loss for each step if the command succeeds
 */

/**
 * @typedef {object} Outcome
 * @property {number} code
 * @property {string} out
 * @property {string} err
 * @property {readonly string[]} left entries that the command created
 * @property {string} [wrongLoss] first line of metrics.jsonl that is not the loss of its step
 * @property {number} peakMb peak of resident memory, beyond the peak of earlier jobs
 */

const [inputs = '', folder = ''] = process.argv.slice(2);
const cwd = join(folder, 'work');

useCommandEnvironment();
/** @type {string | undefined} */
let escaped;
for (const event of ['uncaughtException', 'unhandledRejection']) {
  process.on(event, (error) => {
    escaped = `${event}: ${error instanceof Error ? error.stack : error}`;
  });
}
await rm(cwd, { recursive: true, force: true });
await cp(inputs, cwd, { recursive: true, verbatimSymlinks: true });
const expected = new Set(readdirSync(cwd));
// Loads TensorFlow, so that its memory is not counted as that of a job.
await mustRun(cwd, 'eval base --device cpu --data data --quiet');

/** The peak of resident memory before the job. */
let highestMb = megabytes(process.resourceUsage().maxRSS * 1024);

process.on('message', async (/** @type {Job} */ job) => {
  process.send?.(await runJob(job));
});
process.send?.('ready');

/**
 * @param {Job} job
 * @returns {Promise<Outcome>}
 */
async function runJob({ argv, env = {}, files, restore, trained }) {
  for (const [path, bytes] of Object.entries(files)) {
    await mkdir(dirname(join(cwd, path)), { recursive: true });
    await writeFile(join(cwd, path), bytes);
  }
  escaped = undefined;
  const startMb = megabytes(process.memoryUsage.rss());
  const result = await runCommand(cwd, argv, { env });
  const peakMb = Math.max(0, megabytes(process.resourceUsage().maxRSS * 1024) - Math.max(startMb, highestMb));
  highestMb = megabytes(process.resourceUsage().maxRSS * 1024);
  const wrongLoss =
    trained !== undefined && result.code === 0 ? await findWrongLoss(join(cwd, trained)) : undefined;
  const left = [
    ...readdirSync(cwd).filter((entry) => !expected.has(entry)),
    ...readdirSync(folder).flatMap((entry) => (entry === 'work' ? [] : [`../${entry}`])),
  ];
  for (const entry of left) await rm(join(cwd, entry), { recursive: true, force: true });
  for (const entry of restore) {
    await rm(join(cwd, entry), { recursive: true, force: true });
    if (existsSync(join(inputs, entry))) await cp(join(inputs, entry), join(cwd, entry), { recursive: true });
  }
  const err = escaped === undefined ? result.err : `${result.err}\nThis is a bug: ${escaped}`;
  return { ...result, err, left, wrongLoss, peakMb };
}

/** @param {string} run */
async function findWrongLoss(run) {
  const text = await readFile(join(run, 'metrics.jsonl'), 'utf8');
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.find((line, index) => {
    const { step, loss } = JSON.parse(line);
    return step !== index + 1 || !Number.isFinite(loss);
  });
}

/** @param {number} bytes */
function megabytes(bytes) {
  return bytes / 2 ** 20;
}

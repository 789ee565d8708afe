import { join, resolve } from 'node:path';
import { UsageError } from '../../errors.ts';
import { readGuard, readManifest, readMetrics, readState, takeUp, unfinishedAt } from '../../runs/index.ts';
import type { CliContext } from '../context.ts';
import type { TrainingOptions } from '../options/training.ts';
import { flagOf } from '../settings/options.ts';
import type { Training } from './train-steps.ts';

/** Options that may differ from those of the run that goes on: they change where, how and what is made of it. */
const FREE = new Set([
  'data',
  'device',
  'engine',
  'out',
  'overwrite',
  'resume',
  'progress',
  'quiet',
  'config',
  'printConfig',
  'tensorboard',
  'format',
  'json',
  'report',
  'minAccuracy',
  'minDigitAccuracy',
  'maxDigitDrop',
  'maxOtherDrop',
  'minGain',
  'significant',
  'policy',
]);

/** Options of one command line; the run goes on without those of the last. */
const PASSING = new Set(['json', 'report', 'quiet']);

type Options = TrainingOptions & { readonly steps?: number };

/**
 * With `--resume`, the options of the stopped or unfinished run, its state and its losses. More `--steps` than it had are
 * allowed, so a complete run can go on too.
 *
 * @param names options that were given, not left at their default
 * @throws UsageError when `--out` is missing, or names the run of another command or one that is complete; when an
 *   option was given that contradicts the run's
 */
export async function resumeFrom<T extends Options>(
  given: T,
  names: ReadonlySet<string>,
  command: string,
  context: CliContext,
): Promise<{ options: T; resume?: Training['resume'] }> {
  if (!given.resume) return { options: given };
  if (given.out === undefined)
    throw new UsageError('invalid-argument', '--resume: name the stopped run with --out');
  const folder = resolve(context.cwd, given.out);
  const unfinished = await unfinishedAt(folder);
  const from = unfinished?.folder ?? folder;
  const { command: made, options, training } = await readManifest(from);
  if (made !== command || !training) {
    throw new UsageError(
      'invalid-argument',
      `--resume: ${given.out} was made by ${made}; go on with a run of ${command}`,
    );
  }
  const steps = Math.max(training.steps, given.steps ?? 0);
  if (training.stepsDone >= steps) {
    // Its process ended when the run was whole and only had to be put in its place.
    if (unfinished) await takeUp(folder, unfinished);
    throw new UsageError(
      'invalid-argument',
      `--resume: ${given.out} has done its ${training.stepsDone} steps; give more with --steps`,
    );
  }
  refuseContradictions(given, names, options, training.steps);
  const resume = {
    state: await readState(join(from, 'state', 'state.safetensors')),
    losses: await readMetrics(join(from, 'metrics.jsonl')),
    guard: await readGuard(join(from, 'state')),
  };
  if (unfinished) {
    // Not before: a command that is refused leaves the run in the place as it is.
    await takeUp(folder, unfinished);
    context.note(
      `note: ${given.out} is unfinished; it goes on from its last checkpoint, step ${training.stepsDone} of ${steps}`,
    );
  }
  const kept = Object.fromEntries(Object.entries(given).filter(([name]) => FREE.has(name)));
  const past = Object.fromEntries(Object.entries(options).filter(([name]) => !PASSING.has(name)));
  return { options: { ...given, ...past, ...kept, steps }, resume };
}

function refuseContradictions(
  given: Options,
  names: ReadonlySet<string>,
  options: Readonly<Record<string, unknown>>,
  steps: number,
): void {
  if (names.has('steps') && given.steps! < steps) {
    throw new UsageError(
      'invalid-argument',
      `--resume: the run is one of ${steps} steps; --steps ${given.steps} is fewer`,
    );
  }
  for (const name of names) {
    if (FREE.has(name) || name === 'steps') continue;
    const [now, then] = [given[name as keyof Options], options[name]].map((value) => JSON.stringify(value));
    if (now === then) continue;
    const flag = flagOf(name);
    throw new UsageError(
      'invalid-argument',
      `--resume: the run was begun with ${flag.slice(2)} ${then ?? 'not set'}, ${flag} says ${now}; leave it out`,
    );
  }
}

import { z } from 'zod';
import { CheckpointError, UsageError } from '../errors.ts';
import { firstFault } from '../files/index.ts';
import type { RunManifest } from '../runs/index.ts';
import type { TrainingRecipeOptions } from './options.ts';
import { type Given, type TrainingSettings, toJson } from './settings.ts';

/** Options that decide how a training runs. Resuming keeps those that the caller does not set. */
export type Environment = Pick<TrainingRecipeOptions, 'engine' | 'tensorflow' | 'adjust'>;

const environmentSchema = z.object({
  engine: z.enum(['auto', 'eager', 'graph', 'xla']).optional(),
  tensorflow: z
    .object({
      device: z.enum(['auto', 'cpu', 'cuda', 'wasm', 'js']).optional(),
      tf32: z.boolean().optional(),
      deterministic: z.boolean().optional(),
    })
    .optional(),
  /** Decide whether a run may be replaced; see `mayReplace` of runs. */
  overwrite: z.boolean().optional(),
  resume: z.boolean().optional(),
});

/** The options that `run.json` records: settings, how the training runs, and whether it may replace a run. */
export function recordedOptions(
  settings: TrainingSettings,
  {
    engine,
    tensorflow,
    overwrite,
    resume,
  }: Environment & Pick<TrainingRecipeOptions, 'overwrite' | 'resume'>,
): Record<string, unknown> {
  const { device, tf32, deterministic } = tensorflow ?? {};
  return { ...toJson(settings), engine, tensorflow: { device, tf32, deterministic }, overwrite, resume };
}

/**
 * Reads the options of a training from its manifest.
 *
 * @param path of the manifest, for messages
 * @param parse validates the settings
 * @throws CheckpointError if an option is unknown or invalid, or contradicts the rest of the manifest
 */
export function readRecordedOptions<Settings extends TrainingSettings>(
  path: string,
  { options, training, seed, adjust }: RunManifest,
  parse: (settings: Given<Settings>) => Settings,
): { readonly settings: Settings; readonly environment: Environment } {
  const damaged = (problem: string) =>
    new CheckpointError('invalid-checkpoint', `${path}: options: ${problem}; the file is damaged`);
  const result = environmentSchema.safeParse(options);
  if (!result.success) throw damaged(firstFault(result.error, options));
  const { engine, tensorflow } = result.data;
  const names = Object.keys(options).filter((name) => !(name in environmentSchema.shape));
  const stored = Object.fromEntries(names.map((name) => [name, options[name]])) as Given<Settings>;
  const settings = parseStored(stored, parse, damaged);
  for (const [name, recorded] of [
    ['steps', training?.steps],
    ['batchSize', training?.batchSize],
    ['seed', seed],
  ] as const) {
    if (settings[name] === recorded) continue;
    throw damaged(`${name} is ${settings[name]}, the rest of the file has ${recorded}`);
  }
  return { settings, environment: { engine, tensorflow, adjust } };
}

function parseStored<Settings>(
  stored: Given<Settings>,
  parse: (settings: Given<Settings>) => Settings,
  damaged: (problem: string) => CheckpointError,
): Settings {
  try {
    return parse(stored);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    throw damaged(error.message);
  }
}

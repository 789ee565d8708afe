import { z } from 'zod';
import { IMAGE_ADJUSTMENTS } from '../data/index.ts';
import { CheckpointError } from '../errors.ts';
import { checkDocument } from '../files/index.ts';

/** Increased when older versions of this program would misread a run. */
export const RUN_FORMAT_VERSION = 1;

const adapterSchema = z.object({
  /** How the update is applied. */
  method: z.enum(['side', 'weight', 'weight-view']),
  rank: z.int().min(1),
  alpha: z.number().positive(),
  /** Multiplies alpha / r; 0 (off) to 1. */
  strength: z.number().min(0).max(1),
});

/** The most steps of a run. Readers keep the losses of all steps in memory. */
export const MAX_STEPS = 100_000_000;

const trainingSchema = z.object({
  engine: z.enum(['eager', 'graph', 'xla']),
  device: z.string(),
  batchSize: z.int().min(1),
  /** Steps that were requested. */
  steps: z.int().min(0).max(MAX_STEPS),
  /** Steps that were done; fewer if the training was stopped. */
  stepsDone: z.int().min(0),
  elapsedMs: z.number().min(0),
  /** Labels of the target digits; absent if the run was trained on all. */
  targetLabels: z.array(z.int().min(0)).optional(),
  /** `dataHash` of the training set, so that the training is not resumed on another one. */
  dataHash: z.string().optional(),
});

/** `run.json`: how a run was made, and what is needed to use it. */
const manifestSchema = z.object({
  format: z.literal('tfjs-lora run'),
  formatVersion: z.literal(RUN_FORMAT_VERSION),
  command: z.string(),
  /** A stopped run has a training state to resume from. */
  status: z.enum(['complete', 'stopped']),
  createdAt: z.iso.datetime(),
  /** All settings with their values. */
  options: z.record(z.string(), z.unknown()),
  seed: z.int(),
  versions: z.record(z.string(), z.string()),
  /** Of the plain model in `model/`: a base, or a merged model. */
  contentHash: z.string(),
  classNames: z.array(z.string()).min(1),
  /** Of pixels on a scale of 0 to 1: the model's inputs are (pixel / 255 - mean) / std. */
  normalization: z.object({ mean: z.number(), std: z.number().positive() }),
  /** How images are changed after reading, before they are normalized. */
  adjust: z.array(z.enum(IMAGE_ADJUSTMENTS)).optional(),
  /** The run that this one was made from, for readers. */
  derivedFrom: z.object({ folder: z.string(), contentHash: z.string() }).optional(),
  /** Present if `adapter/` has an adapter for the model. */
  adapter: adapterSchema.optional(),
  training: trainingSchema.optional(),
});

/** The content of `run.json`. */
export type RunManifest = z.infer<typeof manifestSchema>;

/**
 * Checks the parsed content of `run.json`.
 *
 * @param path for messages
 * @throws CheckpointError with the first invalid field, or if the content is of another or a newer format
 */
export function parseManifest(path: string, content: unknown): RunManifest {
  const manifest = checkDocument(path, content, manifestSchema, {
    format: 'tfjs-lora run',
    version: RUN_FORMAT_VERSION,
    name: 'the run.json of a run',
  });
  const fault = contradiction(manifest);
  if (fault) throw new CheckpointError('invalid-checkpoint', `${path}: ${fault}; the file is damaged`);
  return manifest;
}

/** What two fields of a manifest disagree about. */
function contradiction({ classNames, training }: RunManifest): string | undefined {
  if (!training) return undefined;
  const { steps, stepsDone, targetLabels = [] } = training;
  if (stepsDone > steps) return `training.stepsDone: must be at most ${steps} (${stepsDone})`;
  const unknown = targetLabels.find((label) => label >= classNames.length);
  if (unknown === undefined) return undefined;
  return `training.targetLabels: label ${unknown} is outside the ${classNames.length} classes of classNames`;
}

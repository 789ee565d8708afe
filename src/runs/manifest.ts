import { z } from 'zod';
import { checkDocument } from '../files/index.ts';

/** Raised when readers of the last version would misread a run. */
export const RUN_FORMAT_VERSION = 1;

const adapterSchema = z.object({
  /** How A and B enter the layer. */
  method: z.enum(['side', 'weight', 'weight-view']),
  rank: z.int().min(1),
  alpha: z.number(),
  /** Factor on the adapter's scale, 0 (off) to 1. */
  strength: z.number().min(0).max(1),
});

const trainingSchema = z.object({
  engine: z.enum(['eager', 'graph', 'xla']),
  device: z.string(),
  batchSize: z.int().min(1),
  /** Steps asked for, and steps done: fewer when the run was stopped. */
  steps: z.int().min(0),
  stepsDone: z.int().min(0),
  elapsedMs: z.number().min(0),
  /** Labels of the digits that were fine-tuned; absent when all were trained on. */
  targetLabels: z.array(z.int()).optional(),
});

/** `run.json`: what made the run, and what is needed to use it. */
const manifestSchema = z.object({
  format: z.literal('tfjs-lora run'),
  formatVersion: z.literal(RUN_FORMAT_VERSION),
  command: z.string(),
  /** `stopped` runs hold a state to go on from. */
  status: z.enum(['complete', 'stopped']),
  createdAt: z.iso.datetime(),
  /** Every option with the value it had. */
  options: z.record(z.string(), z.unknown()),
  seed: z.int(),
  versions: z.record(z.string(), z.string()),
  /** The plain model in `model/`: a base, or a merged model. */
  contentHash: z.string(),
  classNames: z.array(z.string()).min(1),
  /** Mean and standard deviation of pixels on a scale of 0 to 1; inputs are (pixel / 255 - mean) / std. */
  normalization: z.object({ mean: z.number(), std: z.number().positive() }),
  /** The run this one was made from, for readers. */
  derivedFrom: z.object({ folder: z.string(), contentHash: z.string() }).optional(),
  /** Present when `adapter/` holds an adapter for the model. */
  adapter: adapterSchema.optional(),
  training: trainingSchema.optional(),
});

/** The content of `run.json`, as the schema has it. */
export type RunManifest = z.infer<typeof manifestSchema>;

/**
 * Checks the parsed content of `run.json`.
 *
 * @throws CheckpointError naming the first field that is wrong, or the format when it is a newer one
 */
export function parseManifest(path: string, content: unknown): RunManifest {
  const name = 'the run.json of a run folder';
  return checkDocument(path, content, manifestSchema, {
    format: 'tfjs-lora run',
    version: RUN_FORMAT_VERSION,
    name,
  });
}

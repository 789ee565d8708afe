import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { UsageError } from '../errors.ts';
import { checkDocument, firstFault, readJson, writeJson } from '../files/index.ts';
import { type FinetuneSettings, finetuneSettings, type Given, toJson } from '../recipes/index.ts';
import type { LoadOptions } from '../tensorflow/index.ts';

/** Increases when an older version of this program would misread a record. */
const TRIAL_FORMAT_VERSION = 1;

/** Devices that trials run on; `auto` is resolved before. */
export type TrialDevice = Exclude<LoadOptions['device'], 'auto' | undefined>;
export const TRIAL_DEVICES = ['cpu', 'cuda', 'wasm', 'js'] as const satisfies readonly TrialDevice[];

/** Everything that the result of a trial depends on. Equal specifications give equal bits, on a CPU with one thread. */
export interface TrialSpec {
  /** Content hash of the base model. */
  readonly base: string;
  /** `dataHash` of the images to train on and of the held-out images. */
  readonly data: { readonly train: string; readonly heldOut: string };
  readonly device: TrialDevice;
  readonly settings: FinetuneSettings;
  /** Version of this program. */
  readonly version: string;
}

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');

const specSchema = z.strictObject({
  base: sha256,
  data: z.strictObject({ train: sha256, heldOut: sha256 }),
  device: z.enum(TRIAL_DEVICES),
  settings: z.record(z.string(), z.unknown()),
  version: z.string().max(100),
});

/** The outcome of a trial, written next to its run folder once that is complete. */
const recordSchema = z.object({
  format: z.literal('tfjs-lora trial'),
  formatVersion: z.literal(TRIAL_FORMAT_VERSION),
  id: z.string(),
  spec: z.object({
    base: z.string(),
    data: z.object({ train: z.string(), heldOut: z.string() }),
    device: z.string(),
    settings: z.record(z.string(), z.unknown()),
    version: z.string(),
  }),
  status: z.enum(['complete', 'failed']),
  /** Why a trial failed. */
  reason: z.string().optional(),
  result: z
    .object({
      /** Counts on the held-out images for each class, adapter off and on. */
      classes: z.array(z.object({ support: count, errorsBefore: count, errorsAfter: count })),
      trainableParameters: count,
      /** The largest `effectiveRank` of any adapted layer; see the report's layers. */
      effectiveRank: z.number().min(0),
      engine: z.string(),
      elapsedMs: z.number().min(0),
      /** The most memory the worker process had used by the end of the trial, in bytes. */
      peakBytes: count,
    })
    .optional(),
});

type Parsed = z.infer<typeof recordSchema>;

/** The outcome of a trial. */
export interface TrialRecord extends Omit<Parsed, 'spec'> {
  readonly spec: TrialSpec;
}

/** What a trial measured. */
export type TrialResult = NonNullable<TrialRecord['result']>;

/** The name of a trial: 16 hexadecimal digits of the SHA-256 of its specification as JSON with sorted keys. */
export function trialId(spec: TrialSpec): string {
  return createHash('sha256').update(canonicalJson(spec)).digest('hex').slice(0, 16);
}

/** Makes a record in its current format. */
export function trialRecord(
  spec: TrialSpec,
  outcome: Pick<TrialRecord, 'status' | 'reason' | 'result'>,
): TrialRecord {
  return {
    format: 'tfjs-lora trial',
    formatVersion: TRIAL_FORMAT_VERSION,
    id: trialId(spec),
    spec,
    ...outcome,
  };
}

/** The run folder of a trial below the folder of a sweep. */
export function trialFolder(out: string, id: string): string {
  return join(out, 'trials', id);
}

/** The file of a trial's record. */
export function trialFile(out: string, id: string): string {
  return join(out, 'trials', `${id}.json`);
}

/**
 * Reads a trial's record.
 *
 * @throws CheckpointError if it is damaged or belongs to another trial
 */
export async function readTrial(path: string): Promise<TrialRecord> {
  return parseTrial(path, await readJson(path));
}

/**
 * Writes a trial's record, once its run is in place.
 *
 * @throws CheckpointError if it cannot be written
 */
export async function saveTrial(out: string, record: TrialRecord): Promise<void> {
  await writeJson(trialFile(out, record.id), record);
}

/**
 * Checks a specification that comes from another process.
 *
 * @throws UsageError if a part is missing, unknown or out of range
 */
export function parseSpec(content: unknown): TrialSpec {
  const result = specSchema.safeParse(content);
  if (!result.success) throw new UsageError('invalid-argument', firstFault(result.error, content));
  const settings = toJson(finetuneSettings(result.data.settings as Given<FinetuneSettings>));
  return { ...result.data, settings };
}

/**
 * Checks the parsed JSON of a trial's record.
 *
 * @param path for messages
 * @throws CheckpointError if it is damaged or of another format
 */
export function parseTrial(path: string, content: unknown): TrialRecord {
  return checkDocument(path, content, recordSchema, {
    format: 'tfjs-lora trial',
    version: TRIAL_FORMAT_VERSION,
    name: 'a trial of a sweep',
  }) as unknown as TrialRecord;
}

function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, entry) =>
    entry && typeof entry === 'object' && !Array.isArray(entry)
      ? Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)))
      : entry,
  );
}

import type { Redis } from 'ioredis';
import { z } from 'zod';
import { QueueError } from '../errors.ts';
import { firstFault } from '../files/index.ts';
import { TRIAL_DEVICES } from '../trials/index.ts';
import { version } from '../version.ts';

/** Largest base that is sent through Redis. Workers need their own copy of a larger one. */
export const MAX_BASE_BYTES = 2 ** 26;
/** Largest file and largest run folder of a result. */
const MAX_FILE_BYTES = 2 ** 28;
const MAX_RESULT_BYTES = 2 ** 29;
/** Longest document, in characters. */
const MAX_DOCUMENT = 2 ** 18;

const count = z.int().min(0);
const sha256 = z.string().regex(/^[0-9a-f]{64}$/, 'must be 64 hexadecimal digits');
const id = z.string().regex(/^[0-9a-f]{16}$/, 'must be 16 hexadecimal digits');

/** Files of a base's run folder that are sent. `run.json` is part of the document. */
export const BASE_FILES = ['model/model.json', 'model/weights.bin'] as const;

/** Files of a trial's run folder. A result cannot have others. */
export const RESULT_FILES = [
  'run.json',
  'report.json',
  'report.md',
  'metrics.jsonl',
  'model/model.json',
  'model/weights.bin',
  'adapter/adapter_config.json',
  'adapter/adapter_model.safetensors',
  'state/state.safetensors',
  'state/guard.json',
  'state/best.safetensors',
] as const;

const described = { bytes: count.max(MAX_FILE_BYTES), sha256 };

/** Fields that every version of this program writes. */
const headerSchema = z.object({ version: z.string().max(100) });

/** A sweep whose trials are in the queue. */
const sweepSchema = z.strictObject({
  id,
  createdAt: z.iso.datetime(),
  /** Version of tfjs-lora that the trials belong to. */
  version: z.string().max(100),
  device: z.enum(TRIAL_DEVICES),
  base: z.strictObject({
    contentHash: sha256,
    /** Bytes of the files below; they are stored only up to `MAX_BASE_BYTES`. */
    isStored: z.boolean(),
    files: z.array(z.strictObject({ name: z.enum(BASE_FILES), ...described })).length(BASE_FILES.length),
    /** `run.json` without what belongs to another machine; checked when the base is opened. */
    manifest: z.record(z.string(), z.unknown()),
  }),
  data: z.strictObject({ train: sha256, heldOut: sha256 }),
  /** Fraction of the training set that is held out. */
  heldOut: z.number().min(0.01).max(0.5),
  /** The most steps of a trial. */
  steps: count,
  total: count,
  done: count,
  failed: count,
});

export type QueuedSweep = z.infer<typeof sweepSchema>;

/** Why a worker does not take the trials of a sweep. */
const REFUSALS = ['version', 'device', 'data', 'base', 'steps'] as const;
export type Refusal = (typeof REFUSALS)[number];

/** A worker that is running. */
const workerSchema = z.strictObject({
  /** Its machine and process. */
  name: z.string().max(300),
  version: z.string().max(100),
  device: z.enum(TRIAL_DEVICES),
  jobs: count,
  running: count,
  refused: z.record(id, z.enum(REFUSALS)),
});

export type QueueWorker = z.infer<typeof workerSchema>;

/** What the job of a trial returns. */
const resultSchema = z.strictObject({
  /** Names the stored files. */
  upload: id,
  /** Checked as a record. */
  record: z.record(z.string(), z.unknown()),
  files: z
    .array(z.strictObject({ name: z.enum(RESULT_FILES), ...described }))
    .max(RESULT_FILES.length)
    .refine((files) => new Set(files.map(({ name }) => name)).size === files.length, 'a file is listed twice')
    .refine(
      (files) => files.reduce((sum, { bytes }) => sum + bytes, 0) <= MAX_RESULT_BYTES,
      'the files are too large',
    ),
});

export type StoredResult = z.infer<typeof resultSchema>;

/** Thrown for a document that another version or another program wrote. */
export class InvalidDocument extends QueueError {
  constructor(problem: string) {
    super('queue-failed', problem);
  }
}

/**
 * Checks what a job returned.
 *
 * @throws InvalidDocument with the first fault
 */
export function parseResult(content: unknown): StoredResult {
  return check('result', resultSchema, content);
}

/** The description of a sweep. That of another version of tfjs-lora is not read. */
export interface SweepDocument {
  readonly version: string;
  readonly sweep?: QueuedSweep;
}

/**
 * Reads the description of a sweep.
 *
 * @returns undefined if there is none
 * @throws InvalidDocument with the first fault
 */
export async function readSweep(redis: Redis, key: string): Promise<SweepDocument | undefined> {
  const content = await readJsonKey(redis, key, 'sweep');
  if (content === undefined) return undefined;
  const header = check('sweep', headerSchema, content);
  return header.version === version ? { ...header, sweep: check('sweep', sweepSchema, content) } : header;
}

/**
 * Reads how a worker announces itself.
 *
 * @returns undefined if it is gone
 * @throws InvalidDocument with the first fault
 */
export async function readWorker(redis: Redis, key: string): Promise<QueueWorker | undefined> {
  const content = await readJsonKey(redis, key, 'worker');
  return content === undefined ? undefined : check('worker', workerSchema, content);
}

/** Reads JSON of limited length. */
async function readJsonKey(redis: Redis, key: string, what: string): Promise<unknown> {
  const text = await redis.getrange(key, 0, MAX_DOCUMENT);
  if (text === '') return undefined;
  try {
    return JSON.parse(text) as unknown;
  } catch {
    throw new InvalidDocument(`${what}: not valid JSON`);
  }
}

function check<T>(what: string, schema: z.ZodType<T>, content: unknown): T {
  const result = schema.safeParse(content);
  if (!result.success) throw new InvalidDocument(`${what}: ${firstFault(result.error, content)}`);
  return result.data;
}

import { z } from 'zod';

const trial = z.object({
  works: z.boolean(),
  detail: z.string().describe('What it is, or why it does not work and what to do.'),
});

/** What `doctor --json` prints. */
export const doctorDocument = z.object({
  format: z.literal('tfjs-lora doctor'),
  formatVersion: z.literal(1),
  version: z.string(),
  node: z.string(),
  platform: z.string().describe('Operating system and processor, as Node names them.'),
  processor: z.object({ model: z.string(), cores: z.int() }),
  packages: z
    .record(z.string(), z.string().nullable())
    .describe('Versions of npm packages; null: not installed.'),
  running: z.object({
    device: z.string(),
    tensorflow: z.string().nullable().describe('Version of native TensorFlow; null on wasm and js.'),
    addon: z.string().nullable(),
    libraries: z.string().nullable(),
    threads: z
      .object({ intraOp: z.int().nullable(), interOp: z.int().nullable() })
      .describe('Null: all cores.'),
    environment: z.record(z.string(), z.string()).describe('Variables that TensorFlow reads.'),
  }),
  devices: z.array(trial.extend({ name: z.string() })),
  cuda: z
    .object({
      driver: z.string().nullable(),
      cards: z.array(
        z.object({
          name: z.string(),
          memoryMiB: z.number(),
          computeCapability: z.string().describe('Such as 9.0.'),
        }),
      ),
      missing: z.array(z.string()).describe('Shared libraries that are not found.'),
    })
    .nullable()
    .describe('Looked at with --device cuda, and where set-up has made it ready.'),
  engines: z.array(trial.extend({ name: z.string() })).describe('Tried on the running device.'),
  data: z.object({ directory: z.string() }).nullable(),
  caches: z.array(
    z.object({ name: z.string(), purpose: z.string(), folder: z.string(), sizeBytes: z.int() }),
  ),
  advice: z.array(z.string()),
});

export type DoctorDocument = z.infer<typeof doctorDocument>;

import { z } from 'zod';

const trial = z.object({
  works: z.boolean(),
  detail: z.string().describe('Details, or why it does not work and how to fix it.'),
});

/** The JSON document of `doctor`. */
export const doctorDocument = z.object({
  format: z.literal('tfjs-lora doctor'),
  formatVersion: z.literal(1),
  version: z.string(),
  node: z.string(),
  platform: z.string().describe('process.platform and process.arch of Node.'),
  processor: z.object({ model: z.string(), cores: z.int() }),
  packages: z
    .record(z.string(), z.string().nullable())
    .describe('Versions of npm packages, null if not installed.'),
  running: z.object({
    device: z.string(),
    tensorflow: z.string().nullable().describe('Version of native TensorFlow, null on wasm and js.'),
    addon: z.string().nullable(),
    libraries: z.string().nullable(),
    threads: z
      .object({ intraOp: z.int().nullable(), interOp: z.int().nullable() })
      .describe('Null means all cores, or one for small training steps if both are null.'),
    environment: z.record(z.string(), z.string()).describe('Environment variables that affect TensorFlow.'),
  }),
  devices: z.array(trial.extend({ name: z.string() })),
  cuda: z
    .object({
      driver: z.string().nullable(),
      cards: z.array(
        z.object({
          name: z.string(),
          memoryMiB: z.number(),
          computeCapability: z.string().describe('For example 9.0.'),
        }),
      ),
      missing: z.array(z.string()).describe('Shared libraries that were not found.'),
    })
    .nullable()
    .describe('Null unless --device is cuda, or CUDA is set up.'),
  engines: z.array(trial.extend({ name: z.string() })).describe('Results on the running device.'),
  data: z.object({ directory: z.string() }).nullable(),
  caches: z.array(
    z.object({ name: z.string(), purpose: z.string(), folder: z.string(), sizeBytes: z.int() }),
  ),
  advice: z.array(z.string()),
});

export type DoctorDocument = z.infer<typeof doctorDocument>;

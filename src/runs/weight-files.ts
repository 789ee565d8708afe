import { open, stat } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { firstFault, withFileErrors } from '../files/index.ts';

/** Bytes of a value by dtype; those of quantized weights are of the dtype they are stored in. */
const VALUE_BYTES = { float32: 4, int32: 4, bool: 1, uint8: 1, uint16: 2, float16: 2 } as const;

const weightSchema = z.object({
  name: z.string(),
  shape: z.array(z.int().min(0)).max(8),
  dtype: z.enum(['float32', 'int32', 'bool']),
  quantization: z
    .object({
      dtype: z.enum(['uint8', 'uint16', 'float16']),
      scale: z.number().optional(),
      min: z.number().optional(),
    })
    .optional(),
});
const manifestSchema = z.array(
  z.object({ paths: z.array(z.string()).min(1), weights: z.array(weightSchema) }),
);

type WeightSpec = z.infer<typeof weightSchema>;

/** Most bytes of all weight files of a model. Node reads files of less than 2 GiB only. */
const MAX_BYTES = 2 ** 31 - 1;

/**
 * Reads the weights that a model.json names, with quantized weights as float32. The caller disposes them.
 *
 * @param path of the model.json; weight files are searched next to it
 * @param manifest its `weightsManifest`
 * @throws CheckpointError if the manifest is damaged or names files outside the folder, or the files do not have exactly
 *   the bytes that it states
 */
export async function readWeights(path: string, manifest: unknown): Promise<Map<string, tf.Tensor>> {
  const tensors = new Map<string, tf.Tensor>();
  try {
    for (const { paths, weights } of parseManifest(path, manifest)) {
      const data = await readGroup(path, paths, weights);
      const decoded = tf.io.decodeWeights(data, weights as tf.io.WeightsManifestEntry[]);
      for (const [name, tensor] of Object.entries(decoded)) tensors.set(name, tensor);
    }
    return tensors;
  } catch (error) {
    tf.dispose([...tensors.values()]);
    throw error;
  }
}

/** Weights as they are stored. */
export interface StoredWeights {
  readonly weightSpecs: tf.io.WeightsManifestEntry[];
  /** The bytes of all weights, one after the other. */
  readonly weightData: ArrayBuffer;
}

/**
 * Reads the weights that a model.json names without decoding them; see `readWeights`.
 *
 * @throws CheckpointError if the manifest is damaged or names files outside the folder, or the files do not have exactly
 *   the bytes that it states
 */
export async function readStoredWeights(path: string, manifest: unknown): Promise<StoredWeights> {
  const groups = parseManifest(path, manifest);
  const parts: Uint8Array[] = [];
  for (const { paths, weights } of groups) parts.push(new Uint8Array(await readGroup(path, paths, weights)));
  return {
    weightSpecs: groups.flatMap(({ weights }) => weights as tf.io.WeightsManifestEntry[]),
    weightData: Uint8Array.from(Buffer.concat(parts)).buffer,
  };
}

/** @throws CheckpointError that names the first entry that is wrong */
function parseManifest(path: string, manifest: unknown): z.infer<typeof manifestSchema> {
  const result = manifestSchema.safeParse(manifest);
  if (result.success) return result.data;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: weightsManifest: ${firstFault(result.error, manifest)}`,
  );
}

/** The bytes of a group of files, one after the other. */
async function readGroup(
  path: string,
  names: readonly string[],
  weights: readonly WeightSpec[],
): Promise<ArrayBuffer> {
  const invalid = (problem: string) => new CheckpointError('invalid-checkpoint', `${path}: ${problem}`);
  const files = names.map((name) => {
    const isInside = !isAbsolute(name) && !normalize(name).split(/[\\/]/).includes('..');
    if (!isInside) throw invalid(`the weight file '${name}' is outside the folder of the model`);
    return join(dirname(path), name);
  });
  const expected = weights.reduce((sum, weight) => sum + sizeBytes(weight), 0);
  const sizes = await Promise.all(files.map((file) => fileSize(file)));
  const total = sizes.reduce((sum, size) => sum + size, 0);
  if (total !== expected) {
    throw invalid(
      `${names.join(', ')}: ${total} bytes of weights, the model needs ${expected}; copy the files again`,
    );
  }
  if (total > MAX_BYTES) {
    throw invalid(
      `${names.join(', ')}: too large (${total} bytes of weights, limit ${MAX_BYTES}); use a smaller model`,
    );
  }
  const bytes = new Uint8Array(total);
  let offset = 0;
  for (const [index, file] of files.entries()) {
    await readInto(bytes.subarray(offset, offset + sizes[index]!), file);
    offset += sizes[index]!;
  }
  return bytes.buffer;
}

function sizeBytes({ dtype, shape, quantization }: WeightSpec): number {
  return VALUE_BYTES[quantization?.dtype ?? dtype] * tf.util.sizeFromShape(shape);
}

async function fileSize(file: string): Promise<number> {
  return await withFileErrors(CheckpointError, file, 'read', async () => {
    const stats = await stat(file);
    if (stats.isFile()) return stats.size;
    throw new CheckpointError('invalid-checkpoint', `${file}: not a file; copy the model again`);
  });
}

async function readInto(target: Uint8Array, file: string): Promise<void> {
  await withFileErrors(CheckpointError, file, 'read', async () => {
    const handle = await open(file);
    try {
      for (let done = 0; done < target.length; ) {
        const { bytesRead } = await handle.read(target, done, target.length - done, done);
        if (bytesRead === 0)
          throw new CheckpointError('invalid-checkpoint', `${file}: truncated; copy it again`);
        done += bytesRead;
      }
    } finally {
      await handle.close();
    }
  });
}

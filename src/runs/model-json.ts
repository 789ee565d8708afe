import { realpath, stat } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import { firstFault, readJson, withFileErrors } from '../files/index.ts';

/** What a file names must be in its folder. */
const fileName = z
  .string()
  .refine((name) => /^[^/\\\0]+$/.test(name) && name !== '..', 'be the name of a file in the same folder');

const dimension = z.int().min(0);

const modelJsonSchema = z.looseObject({
  modelTopology: z.looseObject({}),
  weightsManifest: z.array(
    z.looseObject({
      paths: z.array(fileName),
      weights: z.array(
        z.looseObject({
          name: z.string(),
          shape: z.array(dimension),
          dtype: z.enum(['float32', 'int32', 'bool']),
        }),
      ),
    }),
  ),
});

/** The parts of a `model.json` that describe a LayersModel and its weights. */
export type ModelJson = z.infer<typeof modelJsonSchema>;

/**
 * Reads a `model.json`. Names of weight files are checked to be names of files in its folder.
 *
 * @throws CheckpointError if it is not the model.json of a LayersModel
 */
export async function readModelJson(path: string): Promise<ModelJson> {
  const content = await readJson(path);
  const result = modelJsonSchema.safeParse(content);
  if (result.success) return result.data;
  throw new CheckpointError(
    'invalid-checkpoint',
    `${path}: not a LayersModel: ${firstFault(result.error, content)}`,
  );
}

/**
 * Returns the size of a file that another file names.
 *
 * @throws CheckpointError if it is missing, not a regular file (a device, a pipe), or a link that leads out of the folder
 */
export async function sizeOfPart(folder: string, name: string): Promise<number> {
  const path = join(folder, name);
  return await withFileErrors(CheckpointError, path, 'read', async () => {
    const [root, target] = await Promise.all([realpath(folder), realpath(path)]);
    const stats = await stat(target);
    if (stats.isFile() && target.startsWith(`${root}${sep}`)) return stats.size;
    const problem = stats.isFile() ? `leads out of its folder, to ${target}` : 'not a regular file';
    throw new CheckpointError('invalid-checkpoint', `${path}: ${problem}; copy the file into the folder`);
  });
}

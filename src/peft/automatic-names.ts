import { z } from 'zod';
import { CheckpointError } from '../errors.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { numberedPaths } from '../models/index.ts';
import { quote } from '../text/index.ts';
import { METADATA } from './format.ts';

/**
 * The metadata of an adapter whose model has automatic names: JSON of the numbered paths by the paths, which the names
 * of tensors contain. The same model has other automatic names when it is built again in the same process.
 *
 * @returns empty if a user chose all names
 */
export function automaticNames(model: AdaptableModel): Map<string, string> {
  const numbered = numberedPaths(model);
  return numbered.size === 0
    ? new Map()
    : new Map([[METADATA.layers, JSON.stringify(Object.fromEntries(numbered))]]);
}

/**
 * The paths in an adapter's files, by the paths of a model: those with the same numbered path.
 *
 * @param weightsPath names the file in errors
 * @param metadata of the weights file
 * @throws CheckpointError if the metadata has names, but not as `automaticNames` writes them
 */
export function storedNames(
  weightsPath: string,
  metadata: ReadonlyMap<string, string>,
  model: AdaptableModel,
): Map<string, string> {
  const text = metadata.get(METADATA.layers);
  if (text === undefined) return new Map();
  const numberedByStored = parseNames(weightsPath, text);
  const storedByNumbered = new Map([...numberedByStored].map(([stored, numbered]) => [numbered, stored]));
  return new Map(
    [...numberedPaths(model)].map(([path, numbered]) => {
      // A layer that the other model does not have must not take the name of one that it has.
      const other = numberedByStored.has(path) ? `${path}*` : path;
      return [path, storedByNumbered.get(numbered) ?? other];
    }),
  );
}

const schema = z.record(z.string(), z.string());

function parseNames(weightsPath: string, text: string): Map<string, string> {
  try {
    return new Map(Object.entries(schema.parse(JSON.parse(text))));
  } catch (error) {
    throw new CheckpointError(
      'invalid-checkpoint',
      `${weightsPath}: metadata ${METADATA.layers} is not an object of names (${quote(text)}); the file is damaged`,
      { cause: error },
    );
  }
}

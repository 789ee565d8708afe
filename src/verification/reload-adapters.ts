import type * as tf from '@tensorflow/tfjs';
import type { AdaptableModel } from '../layers-model.ts';
import { activeAdapters, adapterNames, setActiveAdapters } from '../lora/index.ts';
import { loadPeft, savePeft } from '../peft/index.ts';
import type { VerifyOptions } from './verify-options.ts';

/**
 * Saves all adapters of a model and loads them onto its base. The same ones are active in the result, each at strength 1.
 * The caller disposes it.
 *
 * @param folder for the files
 */
export async function reloadAdapters<Model extends tf.LayersModel | tf.GraphModel>(
  { model, base, baseHash }: VerifyOptions<Model>,
  folder: string,
): Promise<Model & AdaptableModel> {
  const adapted = model as Model & AdaptableModel;
  await savePeft(adapted, folder, { baseHash });
  const [first, ...others] = adapterNames(adapted);
  const loaded = (await loadPeft(base, folder, { adapter: first, anyBase: true })) as typeof adapted;
  for (const adapter of others) await loadPeft(loaded, folder, { adapter, anyBase: true });
  setActiveAdapters(loaded, activeAdapters(adapted));
  return loaded;
}

import type * as tf from '@tensorflow/tfjs';
import { loraLayers, updateSpectrum } from '../../lora/index.ts';
import type { LayerRank } from '../../report/index.ts';

/** How much of its rank each adapter of a model uses; layers without A and B are left out. */
export function rankUse(model: tf.LayersModel): LayerRank[] {
  return loraLayers(model).flatMap(({ path, layer }) =>
    [...layer.adapters].flatMap(([adapter, { settings }]) => {
      const spectrum = updateSpectrum(layer, adapter);
      if (!spectrum) return [];
      const { singularValues, effectiveRank } = spectrum;
      const name = layer.adapters.size > 1 ? `${path} (${adapter})` : path;
      return [{ layer: name, rank: settings.rank, singularValues: [...singularValues], effectiveRank }];
    }),
  );
}

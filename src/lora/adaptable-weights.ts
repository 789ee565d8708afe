import type { AdaptableModel } from '../layers-model.ts';
import { type NamedLayer, namedLayers } from '../models/index.ts';
import type { LoraMethod } from './config.ts';
import { kernelsOf, kindOfWeight } from './layers/kernels.ts';
import type { LayerKind } from './layers/layer-kind.ts';
import { baseWeightsOf } from './layers/lora-layer.ts';
import { layerPaths, weightPath } from './paths.ts';

/** Returns the layers of a model that have weights. */
export function weightedLayers(model: AdaptableModel): NamedLayer[] {
  return namedLayers(model).filter(({ layer }) => layer.weights.length > 0);
}

/** A weight that can get A and B. */
export interface AdaptableWeight {
  /** Name in the layer, such as `forward_lstm/kernel`. */
  readonly name: string;
  /** Such as `both.forward_lstm.kernel`. */
  readonly path: string;
  /**
   * The paths of the layer and of the layers or cells inside it that contain the weight: `both`, `both.lstm` and
   * `both.forward_lstm`.
   */
  readonly layerPaths: readonly string[];
  readonly kind: LayerKind;
  /** Whether `targets` selects the weight together with its layer. Otherwise only `targetWeights` selects it. */
  readonly isDefault: boolean;
}

/** Returns the weights of a layer that can get A and B. */
export function adaptableWeights(layer: NamedLayer, method: LoraMethod): AdaptableWeight[] {
  const defaults = kernelsOf(layer.layer, method);
  return [...baseWeightsOf(layer.layer).keys()].flatMap((name) => {
    const kind = kindOfWeight(layer.layer, name, method);
    if (!kind) return [];
    const inner = name.split('/').slice(0, -1);
    const innerPaths = inner.map((_, index) => weightPath(layer.path, inner.slice(0, index + 1).join('/')));
    return [
      {
        name,
        path: weightPath(layer.path, name),
        layerPaths: [...layerPaths(layer), ...innerPaths],
        kind,
        isDefault: defaults.has(name),
      },
    ];
  });
}

import type { AdaptableModel } from '../layers-model.ts';
import type { NamedLayer } from '../models/index.ts';
import { weightedLayers } from './adaptable-weights.ts';
import { type LoraConfig, type ResolvedLoraConfig, resolveLoraConfig } from './config.ts';
import { KNOWN_CLASSES, kernelsOf, kindOfWeight } from './layers/kernels.ts';
import { baseClassOf, baseWeightsOf } from './layers/lora-layer.ts';
import { usableRank } from './rank.ts';
import { selectLayers } from './select-layers.ts';

/** A weight that a low-rank update can be added to. */
export interface LoraTarget {
  /** Names of the layer and the models around it, outermost first, joined by dots. */
  readonly path: string;
  /** The layer's class, such as `Dense`. */
  readonly className: string;
  /** The weight that is updated, such as `kernel`. */
  readonly weight: string;
  /** Its shape, in tfjs' layout. */
  readonly shape: readonly number[];
  /** Values in A and B per rank: an adapter of rank r trains r times as many. */
  readonly parametersPerRank: number;
  /** The largest rank that a product A·B of this shape can have. */
  readonly usableRank: number;
  /** The rank that the configuration gives the weight; undefined if the configuration leaves it out. */
  readonly rank?: number;
}

/**
 * Lists the weights that `injectLora` can adapt, in the model's order, and which of them a configuration selects: the kernels
 * of the layers of tfjs, all weights with two or more axes of other layers, and those in `targetWeights`. Changes nothing. The
 * model may be plain or adapted.
 *
 * @throws UsageError if an option is out of range, or a pattern matches no layer
 *
 * @example
 * console.table(loraTargets(model)); // with the defaults: all layers that can be adapted
 * loraTargets(model, { targets: 'block\\d.*', rank: 4 }).filter(({ rank }) => rank !== undefined);
 */
export function loraTargets(model: AdaptableModel, config: LoraConfig = {}): LoraTarget[] {
  const resolved = resolveLoraConfig(config);
  const layers = weightedLayers(model);
  if (layers.every((layer) => listedWeights(layer, resolved).length === 0)) return [];
  const { targets } = selectLayers(model, resolved);
  const targetAt = new Map(targets.map((target) => [target.path, target]));
  return layers.flatMap((named) => {
    const { path, layer } = named;
    const target = targetAt.get(path);
    const names = new Set([...listedWeights(named, resolved), ...(target?.kernels.keys() ?? [])]);
    return [...names].map((weight) => {
      const kind = kindOfWeight(layer, weight, resolved.method)!;
      const shape = baseWeightsOf(layer).get(weight)!.shape as number[];
      const factors = kind.factorShapes(shape, 1);
      return {
        path,
        className: baseClassOf(layer),
        weight,
        shape: [...shape],
        parametersPerRank: size(factors.a) + size(factors.b),
        usableRank: usableRank(kind.matrixShape(shape)),
        ...(target?.kernels.has(weight) && { rank: target.rank }),
      };
    });
  });
}

/** The weights of a layer that adapters update by default; for a class that this library does not know, all possible ones. */
function listedWeights({ layer }: NamedLayer, { method }: ResolvedLoraConfig): string[] {
  if ('kinds' in layer || KNOWN_CLASSES.includes(baseClassOf(layer)))
    return [...kernelsOf(layer, method).keys()];
  return [...baseWeightsOf(layer).keys()].filter((name) => kindOfWeight(layer, name, method));
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

import type { AdaptableModel } from '../layers-model.ts';
import { namedWeights } from '../models/index.ts';
import { type LoraConfig, resolveLoraConfig } from './config.ts';
import { kindOf } from './layers/kinds.ts';
import { baseClassOf } from './layers/lora-layer.ts';
import { usableRank } from './rank.ts';
import { patternValue, selectLayers, weightedLayers } from './targets.ts';

/** A layer that a low-rank update can be added to. */
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
  /** The rank that the configuration gives the layer; undefined if the configuration leaves the layer out. */
  readonly rank?: number;
}

/**
 * Lists the layers that `injectLora` can adapt, in the model's order, and which of them a configuration selects. Changes
 * nothing. The model may be plain or adapted.
 *
 * @throws UsageError if an option is out of range, or a pattern matches no layer
 *
 * @example
 * console.table(loraTargets(model)); // with the defaults: all layers that can be adapted
 * loraTargets(model, { targets: 'block\\d.*', rank: 4 }).filter(({ rank }) => rank !== undefined);
 */
export function loraTargets(model: AdaptableModel, config: LoraConfig = {}): LoraTarget[] {
  const resolved = resolveLoraConfig(config);
  const adaptable = weightedLayers(model).flatMap(({ path, layer }) => {
    const kind = kindOf(layer, resolved.method);
    return kind ? [{ path, layer, kind }] : [];
  });
  if (adaptable.length === 0) return [];
  const { targets, expressions } = selectLayers(model, resolved);
  const selected = new Set(targets.map(({ path }) => path));
  return adaptable.map(({ path, layer, kind }) => {
    const shape = namedWeights(layer).get(kind.kernelName)!.shape as number[];
    const sides = kind.matrixShape(shape);
    const factors = kind.factorShapes(shape, 1);
    const rank = patternValue(expressions, path, resolved.rankPattern) ?? resolved.rank;
    return {
      path,
      className: baseClassOf(layer),
      weight: kind.kernelName,
      shape: [...shape],
      parametersPerRank: size(factors.a) + size(factors.b),
      usableRank: usableRank(sides),
      ...(selected.has(path) && { rank }),
    };
  });
}

function size(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

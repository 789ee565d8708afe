import type * as tf from '@tensorflow/tfjs';
import { checkObject } from '../arguments.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { countParameters, namedLayers } from '../models/index.ts';
import { checkRank } from './config.ts';
import { adapterWeights, type LayerAdapter, scalingOf, updateWeights } from './layers/adapter.ts';
import { isLoraLayer, type LoraLayer } from './layers/lora-layer.ts';
import { loraLayers } from './lora-layers.ts';

/** One adapter on one kernel of a layer. */
export interface LoraLayerSummary {
  readonly path: string;
  readonly adapter: string;
  /** The weight that is updated, such as `kernel`; absent if the adapter only trains copies of this layer's weights. */
  readonly weight?: string;
  /** 0 if the adapter only trains copies of this layer's weights. */
  readonly rank: number;
  readonly alpha: number;
  /** alpha / rank, or alpha / sqrt(rank) with rsLoRA. */
  readonly scaling: number;
  /** The factor of A·B now: scaling times strength, or 0 while the adapter is off. */
  readonly effectiveScale: number;
  /** Those of copies count for the first kernel of the layer. */
  readonly trainableParameters: number;
}

/** Parameter counts of an adapted model. */
export interface LoraSummary {
  readonly layers: readonly LoraLayerSummary[];
  readonly baseParameters: number;
  /** Parameters that training changes now. */
  readonly trainableParameters: number;
  /** Parameters of base and updates. Trained copies of base weights are not counted twice. */
  readonly totalParameters: number;
  /** trainableParameters / totalParameters */
  readonly shareOfTotal: number;
  /** trainableParameters / baseParameters */
  readonly shareOfBase: number;
}

/**
 * Counts the parameters of an adapted model, in total and by layer and adapter.
 *
 * @throws UsageError if the model has no LoRA layers (never adapted, or already merged)
 *
 * @example
 * const { trainableParameters, shareOfTotal } = loraSummary(model);
 */
export function loraSummary(model: AdaptableModel): LoraSummary {
  const lora = loraLayers(model);
  const layers = lora.flatMap(({ path, layer }) => summarizeLayer(path, layer));
  const baseParameters = countParameters(
    namedLayers(model).flatMap(({ layer }) =>
      isLoraLayer(layer) ? [...layer.baseWeights.values()] : layer.weights,
    ),
  );
  const updateParameters = countParameters(
    lora.flatMap(({ layer }) => [...layer.adapters.values()].flatMap(addedWeights)),
  );
  const trainableParameters = countParameters(model.trainableWeights);
  const totalParameters = baseParameters + updateParameters;
  return {
    layers,
    baseParameters,
    trainableParameters,
    totalParameters,
    shareOfTotal: trainableParameters / totalParameters,
    shareOfBase: trainableParameters / baseParameters,
  };
}

function summarizeLayer(path: string, layer: LoraLayer): LoraLayerSummary[] {
  return [...layer.adapters.values()].flatMap((adapter) => {
    const { name, rank, alpha } = adapter.settings;
    const summary = {
      path,
      adapter: name,
      rank,
      alpha,
      scaling: scalingOf(adapter.settings),
      effectiveScale: adapter.scale.dataSync()[0]!,
    };
    const countTrainable = (weights: Iterable<tf.LayerVariable>) =>
      countParameters([...weights].filter((weight) => weight.trainable));
    const copies = countTrainable(adapter.trainedCopies.values());
    if (adapter.updates.size === 0) return [{ ...summary, trainableParameters: copies }];
    return [...adapter.updates].map(([weight, update], index) => ({
      ...summary,
      weight,
      trainableParameters: countTrainable(updateWeights(update).values()) + (index === 0 ? copies : 0),
    }));
  });
}

/** An adapter's weights without its copies of base weights. */
function addedWeights(adapter: LayerAdapter): tf.LayerVariable[] {
  const copies = new Set(adapter.trainedCopies.values());
  return [...adapterWeights(adapter).values()].filter((weight) => !copies.has(weight));
}

/** Size and work of a kernel and of a low-rank update of it; see `loraCost`. */
export interface LoraCost {
  /** inputs · outputs */
  readonly kernelParameters: number;
  /** rank · (inputs + outputs) */
  readonly loraParameters: number;
  /** loraParameters / kernelParameters */
  readonly share: number;
  /** Bytes of the float32 kernel, and of A and B. */
  readonly kernelBytes: number;
  readonly loraBytes: number;
  /** Bytes of Adam's two moments when training the kernel, and when training A and B. */
  readonly kernelAdamBytes: number;
  readonly loraAdamBytes: number;
  /** Multiply-adds per example of x·W, and of (x·A)·B, which is added to it until merged. */
  readonly kernelMultiplyAdds: number;
  readonly loraMultiplyAdds: number;
  /** Multiply-adds of A·B, which merging and method 'weight' compute. */
  readonly mergeMultiplyAdds: number;
}

/**
 * Computes what a low-rank update of a kernel costs (Hu et al. 2021, arXiv:2106.09685, section 4.2). For a convolution
 * `inputs` is window height · width · channels, and multiply-adds are per output position.
 *
 * @throws UsageError if a value is not a whole number of at least 1
 *
 * @example
 * loraCost({ inputs: 300, outputs: 200, rank: 4 }).loraParameters; // 2000, of 60000
 */
export function loraCost(shape: { inputs: number; outputs: number; rank: number }): LoraCost {
  checkObject('shape', shape);
  const { inputs, outputs, rank } = shape;
  for (const [name, value] of Object.entries({ inputs, outputs, rank })) checkRank(name, value);
  const kernelParameters = inputs * outputs;
  const loraParameters = rank * (inputs + outputs);
  return {
    kernelParameters,
    loraParameters,
    share: loraParameters / kernelParameters,
    kernelBytes: 4 * kernelParameters,
    loraBytes: 4 * loraParameters,
    kernelAdamBytes: 8 * kernelParameters,
    loraAdamBytes: 8 * loraParameters,
    kernelMultiplyAdds: kernelParameters,
    loraMultiplyAdds: loraParameters,
    mergeMultiplyAdds: kernelParameters * rank,
  };
}

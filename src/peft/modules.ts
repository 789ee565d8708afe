import type * as tf from '@tensorflow/tfjs';
import type { LoraMethod } from '../lora/index.ts';
import { namedLayers } from '../models/index.ts';
import { flattenedShape, layoutsOf, type WeightLayout } from '../torch/index.ts';

/** A layer as PEFT would see it in the PyTorch model of the same names. */
export interface PeftModule {
  /** The layer's path in tfjs. */
  readonly path: string;
  /** The module that an adapter of the layer's sits on; `path`, but for a separable convolution. */
  readonly module: string;
  readonly layer: tf.layers.Layer;
  /** The class of the layer, or of what it was before it was adapted. */
  readonly className: string;
  /** All weights of the layer; empty where PyTorch has no such layer. */
  readonly layouts: readonly WeightLayout[];
  /** Of the weight that an adapter changes. */
  readonly kernel: WeightLayout | undefined;
  /** See `flattenedShape`. */
  readonly flattened: readonly number[] | undefined;
}

/** The layers of a model that have weights, in its order. */
export function peftModules(model: tf.LayersModel): PeftModule[] {
  return namedLayers(model)
    .filter(({ layer }) => layer.weights.length > 0)
    .map(({ path, layer }) => {
      const className = layer.getClassName().replace(/^Lora/, '');
      const layouts = layoutsOf(className) ?? [];
      const kernel = layouts.find(({ parameter }) => /(^|pointwise\.)weight$/.test(parameter));
      return {
        path,
        module: className === 'SeparableConv2D' ? `${path}.pointwise` : path,
        layer,
        className,
        layouts,
        kernel,
        flattened: kernel?.featuresFirst ? flattenedShape(layer) : undefined,
      };
    });
}

/** Why PEFT has no form for a low-rank adapter on a layer. */
export interface Obstacle {
  /** As the end of a sentence. */
  readonly reason: string;
  /** Whether A and B have no layout of PEFT's either. */
  readonly raw: boolean;
}

/** What keeps PEFT from holding a low-rank adapter on this layer; `undefined` where nothing does. */
export function obstacleTo({ layer, path, className }: PeftModule, method: LoraMethod): Obstacle | undefined {
  if (method === 'weight-view') return { reason: "method 'weight-view'", raw: true };
  if (className === 'DepthwiseConv2D') {
    return {
      reason: `the depthwise convolution '${path}': PEFT's update goes over all its channels`,
      raw: true,
    };
  }
  const { dilationRate = 1 } = layer as { dilationRate?: number | readonly number[] };
  if (/^Conv\dD$/.test(className) && [dilationRate].flat().some((rate) => rate !== 1)) {
    return { reason: `the dilated convolution '${path}': PEFT's lora_A has no dilation`, raw: false };
  }
  return undefined;
}

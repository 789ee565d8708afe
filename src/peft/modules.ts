import type * as tf from '@tensorflow/tfjs';
import type { AdaptableModel } from '../layers-model.ts';
import { baseClassOf, type LoraMethod } from '../lora/index.ts';
import { namedLayers } from '../models/index.ts';
import { flattenedShape, layoutsOf, type WeightLayout } from '../torch/index.ts';

/** A tfjs layer and the PyTorch module of the same name, as PEFT would adapt it. */
export interface PeftModule {
  /** Path of the layer in tfjs. */
  readonly path: string;
  /** Path of the PyTorch module in the adapter's files: `path`, unless automatic names differ. */
  readonly name: string;
  /** Path of the PyTorch module that PEFT adapts: `name`, or `<name>.pointwise` for a separable convolution. */
  readonly module: string;
  readonly layer: tf.layers.Layer;
  /** The class of the layer without its adapters, such as `Dense`. */
  readonly className: string;
  /** The layouts of the layer's weights in PyTorch; empty if PyTorch has no such layer. */
  readonly layouts: readonly WeightLayout[];
  /** The layout of the weight that an adapter changes. */
  readonly kernel: WeightLayout | undefined;
  /** See `flattenedShape`. */
  readonly flattened: readonly number[] | undefined;
}

/**
 * The layers of a model that have weights, in the model's order.
 *
 * @param names paths in the adapter's files, by paths in the model; a layer without an entry has its own path there
 */
export function peftModules(
  model: AdaptableModel,
  names: ReadonlyMap<string, string> = new Map(),
): PeftModule[] {
  return namedLayers(model)
    .filter(({ layer }) => layer.weights.length > 0)
    .map(({ path, layer }) => {
      const className = baseClassOf(layer);
      const layouts = layoutsOf(layer) ?? [];
      const kernel = layouts.find(({ parameter }) => /(^|pointwise\.)weight$/.test(parameter));
      const name = names.get(path) ?? path;
      return {
        path,
        name,
        module: className === 'SeparableConv2D' ? `${name}.pointwise` : name,
        layer,
        className,
        layouts,
        kernel,
        flattened: kernel?.featuresFirst ? flattenedShape(layer) : undefined,
      };
    });
}

/** Why PEFT cannot represent a low-rank adapter on a layer. */
export interface Incompatibility {
  /** What PEFT does not support, as a noun phrase for an error. */
  readonly reason: string;
  /** Whether A and B have no layout in PEFT, so that they are stored in tfjs' layout. */
  readonly tfjsLayout: boolean;
}

/** Why PEFT cannot represent a low-rank adapter on this layer; `undefined` if it can. */
export function incompatibilityOf(
  { layer, path, className, kernel }: PeftModule,
  method: LoraMethod,
): Incompatibility | undefined {
  if (method === 'weight-view') return { reason: "method 'weight-view'", tfjsLayout: true };
  if (className === 'DepthwiseConv2D') {
    return {
      reason: `the depthwise convolution '${path}' (PEFT's update would mix its channels)`,
      tfjsLayout: true,
    };
  }
  if (!kernel) return { reason: `'${path}' (${className} has no counterpart in PyTorch)`, tfjsLayout: true };
  const { dilationRate = 1 } = layer as { dilationRate?: number | readonly number[] };
  if (/^Conv\dD$/.test(className) && [dilationRate].flat().some((rate) => rate !== 1)) {
    return {
      reason: `the dilated convolution '${path}' (PEFT's lora_A is not dilated)`,
      tfjsLayout: false,
    };
  }
  return undefined;
}

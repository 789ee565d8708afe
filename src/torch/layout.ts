import * as tf from '@tensorflow/tfjs';
import { baseClassOf } from '../lora/index.ts';
import { recurrentLayouts } from './recurrent.ts';
import type { WeightLayout } from './weight-layout.ts';

const BIAS: WeightLayout = { weight: 'bias', parameter: 'bias' };

/**
 * Convolutions: [...window, in, out] in tfjs, [out, in, ...window] in PyTorch. The same axes serve transposed
 * convolutions: [...window, out, in] in tfjs, [in, out, ...window] in PyTorch.
 */
function convolution(windowAxes: number): readonly WeightLayout[] {
  const window = Array.from({ length: windowAxes }, (_, axis) => axis);
  return [{ weight: 'kernel', parameter: 'weight', axes: [windowAxes + 1, windowAxes, ...window] }, BIAS];
}

const LAYOUTS_BY_CLASS: Readonly<Record<string, readonly WeightLayout[]>> = {
  Dense: [{ weight: 'kernel', parameter: 'weight', axes: [1, 0], featuresFirst: true }, BIAS],
  Conv1D: convolution(1),
  Conv2D: convolution(2),
  Conv3D: convolution(3),
  Conv2DTranspose: convolution(2),
  DepthwiseConv2D: [{ weight: 'depthwise_kernel', parameter: 'weight', depthwise: true }, BIAS],
  SeparableConv2D: [
    { weight: 'depthwise_kernel', parameter: 'depthwise.weight', depthwise: true },
    { weight: 'pointwise_kernel', parameter: 'pointwise.weight', axes: [3, 2, 0, 1] },
    { weight: 'bias', parameter: 'pointwise.bias' },
  ],
  Embedding: [{ weight: 'embeddings', parameter: 'weight' }],
  BatchNormalization: [
    { weight: 'gamma', parameter: 'weight', featuresFirst: true },
    { weight: 'beta', parameter: 'bias', featuresFirst: true },
    { weight: 'moving_mean', parameter: 'running_mean', featuresFirst: true },
    { weight: 'moving_variance', parameter: 'running_var', featuresFirst: true },
  ],
  LayerNormalization: [
    { weight: 'gamma', parameter: 'weight', featuresFirst: true },
    { weight: 'beta', parameter: 'bias', featuresFirst: true },
  ],
};

/** The classes of tfjs layers that have a counterpart in PyTorch. */
export const MAPPED_CLASSES = [...Object.keys(LAYOUTS_BY_CLASS), 'SimpleRNN', 'LSTM', 'Bidirectional'];

/**
 * The layouts of a layer's weights.
 *
 * @param layer with or without adapters
 * @returns `undefined` if no PyTorch module corresponds to its class
 */
export function layoutsOf(layer: tf.layers.Layer): readonly WeightLayout[] | undefined {
  return LAYOUTS_BY_CLASS[baseClassOf(layer)] ?? recurrentLayouts(layer);
}

/**
 * Converts a weight from tfjs' layout to PyTorch's.
 *
 * @param value float32 in tfjs' layout, for example a dense kernel [in, out]
 * @param flattened the shape [...window, channels] behind the features of axis 0, see `flattenedShape`
 * @returns float32 in PyTorch's layout, of shape `torchShape(layout, value.shape)`; the caller disposes it
 */
export function toTorch(value: tf.Tensor, layout: WeightLayout, flattened?: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    if (layout.depthwise) {
      const [height, width, inputs, multiplier] = value.shape as [number, number, number, number];
      return value.transpose([2, 3, 0, 1]).reshape([inputs * multiplier, 1, height, width]);
    }
    const inFeatureOrder = layout.featuresFirst && flattened ? channelsFirst(value, flattened) : value;
    const ordered = layout.gates ? reorderGates(inFeatureOrder, layout.gates) : inFeatureOrder;
    return layout.axes ? ordered.transpose([...layout.axes]) : ordered.clone();
  });
}

/**
 * Converts a weight from PyTorch's layout to tfjs'.
 *
 * @param value float32 in PyTorch's layout, for example a linear weight [out, in]
 * @param shape of the weight in tfjs
 * @param flattened the shape [...window, channels] behind the features of axis 0, see `flattenedShape`
 * @returns float32 of shape `shape`, which the caller disposes; `undefined` unless `value` has the shape
 *   `torchShape(layout, shape)`
 */
export function fromTorch(
  value: tf.Tensor,
  layout: WeightLayout,
  shape: readonly number[],
  flattened?: readonly number[],
): tf.Tensor | undefined {
  if (String(value.shape) !== String(torchShape(layout, shape))) return undefined;
  return tf.tidy(() => {
    if (layout.depthwise) {
      const [height, width, inputs, multiplier] = shape as [number, number, number, number];
      return value.reshape([inputs, multiplier, height, width]).transpose([2, 3, 0, 1]);
    }
    const { axes } = layout;
    const transposed = axes ? value.transpose(axes.map((_, axis) => axes.indexOf(axis))) : value.clone();
    if (layout.gates)
      return reorderGates(
        transposed,
        layout.gates.map((_, gate) => layout.gates!.indexOf(gate)),
      );
    return layout.featuresFirst && flattened ? channelsLast(transposed, flattened) : transposed;
  });
}

/** The shape in PyTorch of a weight that has the given shape in tfjs. */
export function torchShape(layout: WeightLayout, shape: readonly number[]): readonly number[] {
  if (layout.depthwise) return [shape[2]! * shape[3]!, 1, shape[0]!, shape[1]!];
  return layout.axes ? layout.axes.map((axis) => shape[axis]!) : shape;
}

/** Reorders blocks of the last axis: block i of the result is block `gates[i]` of the value. */
function reorderGates(value: tf.Tensor, gates: readonly number[]): tf.Tensor {
  const blocks = tf.split(value, gates.length, -1);
  return tf.concat(
    gates.map((gate) => blocks[gate]!),
    -1,
  );
}

/** Reorders axis 0 from flattened [...window, channels] to flattened [channels, ...window]. */
function channelsFirst(value: tf.Tensor, flattened: readonly number[]): tf.Tensor {
  const channelAxis = flattened.length - 1;
  return reorder(value, flattened, [channelAxis, ...flattened.keys()].slice(0, -1));
}

/** Reorders axis 0 from flattened [channels, ...window] to flattened [...window, channels]. */
function channelsLast(value: tf.Tensor, flattened: readonly number[]): tf.Tensor {
  const torchOrder = [flattened.at(-1)!, ...flattened.slice(0, -1)];
  return reorder(value, torchOrder, [...torchOrder.keys()].slice(1).concat(0));
}

/** Splits axis 0 into axes of the sizes `split`, transposes these by `axes`, and flattens them again. */
function reorder(value: tf.Tensor, split: readonly number[], axes: readonly number[]): tf.Tensor {
  const rest = value.shape.slice(1);
  const restAxes = rest.map((_, index) => split.length + index);
  return value
    .reshape([...split, ...rest])
    .transpose([...axes, ...restAxes])
    .reshape(value.shape);
}

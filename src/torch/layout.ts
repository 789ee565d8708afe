import * as tf from '@tensorflow/tfjs';

/** How a weight of a tfjs layer is stored by the PyTorch module of the same purpose. */
export interface WeightLayout {
  /** Last part of the weight's name in tfjs, such as `kernel`. */
  readonly weight: string;
  /** What follows the module's path in PyTorch's state dict, such as `weight`. */
  readonly parameter: string;
  /** Axis i in PyTorch is axis `axes[i]` in tfjs; absent where they agree. */
  readonly axes?: readonly number[];
  /** Whether axis 0 in tfjs counts the features of a flat input, whose order may differ (`flattenedShape`). */
  readonly features?: boolean;
  /** tfjs' [kh, kw, in, multiplier] is PyTorch's [in * multiplier, 1, kh, kw]. */
  readonly depthwise?: boolean;
}

const BIAS: WeightLayout = { weight: 'bias', parameter: 'bias' };

/** Kernel [...window, in, out] in tfjs, [out, in, ...window] in PyTorch. Transposed: [...window, out, in], [in, out, ...window]. */
function convolution(dimensions: number): readonly WeightLayout[] {
  const window = Array.from({ length: dimensions }, (_, axis) => axis);
  return [{ weight: 'kernel', parameter: 'weight', axes: [dimensions + 1, dimensions, ...window] }, BIAS];
}

const BY_CLASS: Readonly<Record<string, readonly WeightLayout[]>> = {
  Dense: [{ weight: 'kernel', parameter: 'weight', axes: [1, 0], features: true }, BIAS],
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
    { weight: 'gamma', parameter: 'weight', features: true },
    { weight: 'beta', parameter: 'bias', features: true },
    { weight: 'moving_mean', parameter: 'running_mean', features: true },
    { weight: 'moving_variance', parameter: 'running_var', features: true },
  ],
  LayerNormalization: [
    { weight: 'gamma', parameter: 'weight', features: true },
    { weight: 'beta', parameter: 'bias', features: true },
  ],
};

/** Classes of tfjs layers whose weights have a counterpart in PyTorch. */
export const MAPPED_CLASSES = Object.keys(BY_CLASS);

/**
 * The layouts of a layer's weights; `undefined` when PyTorch stores such a layer otherwise.
 *
 * @param className of the layer; that of an adapted layer counts as its base's
 */
export function layoutsOf(className: string): readonly WeightLayout[] | undefined {
  return BY_CLASS[className.replace(/^Lora/, '')];
}

/**
 * A weight as PyTorch lays it out.
 *
 * @param flattened see `flattenedShape`
 */
export function toTorch(value: tf.Tensor, layout: WeightLayout, flattened?: readonly number[]): tf.Tensor {
  return tf.tidy(() => {
    if (layout.depthwise) {
      const [height, width, inputs, multiplier] = value.shape as [number, number, number, number];
      return value.transpose([2, 3, 0, 1]).reshape([inputs * multiplier, 1, height, width]);
    }
    const ordered = layout.features && flattened ? channelsFirst(value, flattened) : value;
    return layout.axes ? ordered.transpose([...layout.axes]) : ordered.clone();
  });
}

/**
 * A weight of PyTorch as tfjs lays it out, in the given shape.
 *
 * @returns `undefined` when its shape is not the one that PyTorch would give it; `torchShape` says which
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
    const turned = axes ? value.transpose(axes.map((_, axis) => axes.indexOf(axis))) : value.clone();
    return layout.features && flattened ? channelsLast(turned, flattened) : turned;
  });
}

/** The shape in PyTorch of a weight of the given shape in tfjs. */
export function torchShape(layout: WeightLayout, shape: readonly number[]): readonly number[] {
  if (layout.depthwise) return [shape[2]! * shape[3]!, 1, shape[0]!, shape[1]!];
  return layout.axes ? layout.axes.map((axis) => shape[axis]!) : shape;
}

/** Axis 0 from the order of [...window, channels] to that of [channels, ...window]. */
function channelsFirst(value: tf.Tensor, flattened: readonly number[]): tf.Tensor {
  const last = flattened.length - 1;
  return reorder(value, flattened, [last, ...flattened.keys()].slice(0, -1));
}

/** Axis 0 from the order of [channels, ...window] to that of [...window, channels]. */
function channelsLast(value: tf.Tensor, flattened: readonly number[]): tf.Tensor {
  const torch = [flattened.at(-1)!, ...flattened.slice(0, -1)];
  return reorder(value, torch, [...torch.keys()].slice(1).concat(0));
}

function reorder(value: tf.Tensor, split: readonly number[], axes: readonly number[]): tf.Tensor {
  const rest = value.shape.slice(1);
  const restAxes = rest.map((_, index) => split.length + index);
  return value
    .reshape([...split, ...rest])
    .transpose([...axes, ...restAxes])
    .reshape(value.shape);
}

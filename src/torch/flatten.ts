import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';

type Layer = tf.layers.Layer & { readonly dataFormat?: string };

/** Layers that keep the order of their features. */
const KEEPS_ORDER =
  /^(Lora)?(Activation|ReLU|LeakyReLU|ELU|ThresholdedReLU|Dropout|SpatialDropout1D|GaussianNoise|GaussianDropout|AlphaDropout|BatchNormalization|LayerNormalization|Add|Multiply|Average|Maximum|Minimum)$/;

/** Layers whose output PyTorch lays out with channels first. */
const WINDOWED = /Conv|Pooling|Padding|UpSampling|Cropping/;

/**
 * The shape [...window, channels] that was flattened into the features a layer takes, where the order of those
 * features differs from PyTorch's: its convolutions put channels before the window, so its `nn.Flatten` does too.
 * `undefined` where the orders agree: no `Flatten` before the layer, or none behind a convolution or pooling.
 *
 * @throws CheckpointError when the features come from several flattened inputs, whose order PyTorch cannot share
 */
export function flattenedShape(layer: tf.layers.Layer): readonly number[] | undefined {
  const flatten = findBefore(layer, isFlatten);
  if (!flatten) return undefined;
  const windowed = findBefore(flatten, (before) => WINDOWED.test(before.getClassName()));
  if (!windowed) return undefined;
  const shape = (inputShapeOf(flatten) ?? []).slice(1) as number[];
  if (shape.slice(0, -1).every((size) => size === 1)) return undefined;
  if ((windowed as Layer).dataFormat === 'channelsFirst') {
    throw new CheckpointError(
      'invalid-checkpoint',
      `layer '${windowed.name}' has its channels first; weights behind its flattened output cannot be mapped`,
    );
  }
  return shape;
}

function isFlatten(layer: tf.layers.Layer): boolean {
  const name = layer.getClassName();
  return name === 'Flatten' || (name === 'Reshape' && (layer.outputShape as tf.Shape).length === 2);
}

/** The nearest layer before this one that `found` accepts, with nothing but order-keeping layers in between. */
function findBefore(
  layer: tf.layers.Layer,
  found: (layer: tf.layers.Layer) => boolean,
): tf.layers.Layer | undefined {
  for (let current = layer; ; ) {
    const before = layersBefore(current);
    if (before.length === 0) return undefined;
    if (
      current.getClassName() === 'Concatenate' &&
      before.some((one) => found(one) || findBefore(one, found))
    ) {
      throw new CheckpointError(
        'invalid-checkpoint',
        `layer '${current.name}' joins flattened inputs; PyTorch orders their features otherwise, so they cannot be mapped`,
      );
    }
    current = before[0]!;
    if (found(current)) return current;
    if (!KEEPS_ORDER.test(current.getClassName()) && current.getClassName() !== 'Concatenate')
      return undefined;
  }
}

interface Node {
  readonly inboundLayers: readonly tf.layers.Layer[];
  readonly inputShapes: readonly tf.Shape[];
}

function layersBefore(layer: tf.layers.Layer): readonly tf.layers.Layer[] {
  return (layer.inboundNodes as unknown as readonly Node[])[0]?.inboundLayers ?? [];
}

function inputShapeOf(layer: tf.layers.Layer): tf.Shape | undefined {
  return (layer.inboundNodes as unknown as readonly Node[])[0]?.inputShapes[0];
}

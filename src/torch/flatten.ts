import type * as tf from '@tensorflow/tfjs';
import { CheckpointError } from '../errors.ts';
import { baseClassOf } from '../lora/index.ts';

/** Layers that keep the order of their features. */
const KEEPS_ORDER =
  /^(Activation|ReLU|LeakyReLU|ELU|ThresholdedReLU|Dropout|SpatialDropout1D|GaussianNoise|GaussianDropout|AlphaDropout|BatchNormalization|LayerNormalization|Add|Multiply|Average|Maximum|Minimum)$/;

/** Layers whose output has channels last in tfjs and channels first in PyTorch. */
const CHANNEL_LAYERS = /Conv|Pooling|Padding|UpSampling|Cropping/;

/**
 * The shape [...window, channels] whose flattening gives the input features of a layer, if tfjs and PyTorch order
 * these features differently. After a convolution, tfjs flattens [...window, channels], PyTorch's `nn.Flatten`
 * [channels, ...window].
 *
 * @returns `undefined` if the orders agree: no flattened convolution or pooling before the layer, or a window of size 1
 * @throws CheckpointError if the features come from several flattened inputs, or from a layer with its channels first
 */
export function flattenedShape(layer: tf.layers.Layer): readonly number[] | undefined {
  const flatten = findBefore(layer, isFlatten);
  if (!flatten) return undefined;
  const channelLayer = findBefore(flatten, (before) => CHANNEL_LAYERS.test(baseClassOf(before)));
  if (!channelLayer) return undefined;
  const shape = (inputShapeOf(flatten) ?? []).slice(1) as number[];
  if (shape.slice(0, -1).every((size) => size === 1)) return undefined;
  if ((channelLayer as { dataFormat?: string }).dataFormat === 'channelsFirst') {
    throw new CheckpointError(
      'invalid-checkpoint',
      `layer '${channelLayer.name}': weights behind a flattened layer with channels first cannot be mapped; use channelsLast`,
    );
  }
  return shape;
}

function isFlatten(layer: tf.layers.Layer): boolean {
  const className = baseClassOf(layer);
  return className === 'Flatten' || (className === 'Reshape' && (layer.outputShape as tf.Shape).length === 2);
}

/**
 * The nearest layer before `layer` that matches, with only order-keeping layers in between.
 *
 * @throws CheckpointError if such layers lie before a concatenation
 */
function findBefore(
  layer: tf.layers.Layer,
  matches: (layer: tf.layers.Layer) => boolean,
): tf.layers.Layer | undefined {
  let current = layer;
  for (;;) {
    const before = layersBefore(current);
    const isConcatenate = current.getClassName() === 'Concatenate';
    if (isConcatenate && before.some((input) => matches(input) || findBefore(input, matches))) {
      throw new CheckpointError(
        'invalid-checkpoint',
        `layer '${current.name}': concatenates flattened inputs, whose features PyTorch orders differently; their weights cannot be mapped`,
      );
    }
    const [nearest] = before;
    if (!nearest) return undefined;
    if (matches(nearest)) return nearest;
    const className = baseClassOf(nearest);
    if (!KEEPS_ORDER.test(className) && className !== 'Concatenate') return undefined;
    current = nearest;
  }
}

/** The part of tfjs' graph nodes that is used here; their types are not exported. */
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

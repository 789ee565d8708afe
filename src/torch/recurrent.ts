import type * as tf from '@tensorflow/tfjs';
import { baseClassOf, baseWeightsOf } from '../lora/index.ts';
import type { WeightLayout } from './weight-layout.ts';

/**
 * The gates of each class in PyTorch's order, as positions in tfjs' order. LSTM: i, f, g, o in both (tfjs calls g c). GRU: r,
 * z, n in PyTorch, z, r, h in tfjs.
 */
const GATES: Readonly<Record<string, readonly number[]>> = {
  SimpleRNN: [0],
  LSTM: [0, 1, 2, 3],
  GRU: [1, 0, 2],
};

/** The members of recurrent layers that are used here. */
interface RecurrentLayer extends tf.layers.Layer {
  readonly goBackwards?: boolean;
  readonly cell?: {
    readonly activation?: { getClassName(): string };
    readonly recurrentActivation?: { getClassName(): string };
  };
}

/**
 * Returns the layouts of the weights of a SimpleRNN, LSTM or GRU, or of a Bidirectional around one of these, in a PyTorch
 * module with one layer (`num_layers=1`): `weight_ih_l0` [gates * units, in] and `weight_hh_l0` [gates * units, units].
 * PyTorch adds two biases; tfjs has their sum.
 *
 * @returns `undefined` for other layers
 */
export function recurrentLayouts(layer: tf.layers.Layer): readonly WeightLayout[] | undefined {
  const gates = GATES[baseClassOf(recurrentLayer(layer))];
  if (!gates) return undefined;
  return [...baseWeightsOf(layer).keys()].map((weight): WeightLayout => {
    const end = weight.startsWith('backward_') ? 'l0_reverse' : 'l0';
    if (/(^|\/)bias$/.test(weight))
      return { weight, parameter: `bias_ih_${end}`, addend: `bias_hh_${end}`, gates };
    const parameter = /recurrent_kernel$/.test(weight) ? `weight_hh_${end}` : `weight_ih_${end}`;
    return { weight, parameter, axes: [1, 0], gates };
  });
}

/**
 * Returns why PyTorch's module with the weights of `recurrentLayouts` computes another function than the layer.
 *
 * @returns `undefined` if it computes the same, or if PyTorch has no such module
 */
export function recurrentDifference(layer: tf.layers.Layer): string | undefined {
  const recurrent = recurrentLayer(layer);
  const className = baseClassOf(recurrent);
  if (!GATES[className]) return undefined;
  if (className === 'GRU')
    return "tfjs' GRU applies the reset gate before the recurrent product, PyTorch's after it";
  const { cell, goBackwards } = recurrent;
  if (goBackwards) return "PyTorch's does not go backwards";
  const activation = cell?.activation?.getClassName();
  if (activation !== 'tanh') return `PyTorch's activation is tanh, not ${activation}`;
  const recurrentActivation = cell?.recurrentActivation?.getClassName() ?? 'sigmoid';
  if (recurrentActivation !== 'sigmoid')
    return `PyTorch's recurrentActivation is sigmoid, not ${recurrentActivation}`;
  return undefined;
}

/** Returns the layer inside a Bidirectional, and other layers themselves. */
function recurrentLayer(layer: tf.layers.Layer): RecurrentLayer {
  const { layer: inner } = layer as { readonly layer?: tf.layers.Layer };
  return baseClassOf(layer) === 'Bidirectional' && inner ? inner : layer;
}

import type * as tf from '@tensorflow/tfjs';
import { baseClassOf, baseWeightsOf } from '../lora/index.ts';
import type { WeightLayout } from './weight-layout.ts';

/**
 * The order in which PyTorch has the gates of a layer, as positions in that of tfjs. LSTM: both i, f, g, o (tfjs calls g
 * c). GRU: r, z, n in PyTorch, z, r, h in tfjs.
 */
const GATES: Readonly<Record<string, readonly number[]>> = {
  SimpleRNN: [0],
  LSTM: [0, 1, 2, 3],
  GRU: [1, 0, 2],
};

/** The parts of recurrent layers and of Bidirectional that are used here. */
interface RecurrentLayer extends tf.layers.Layer {
  readonly layer?: RecurrentLayer;
  readonly goBackwards?: boolean;
  readonly cell?: {
    readonly activation?: { getClassName(): string };
    readonly recurrentActivation?: { getClassName(): string };
  };
}

/**
 * The layouts of the weights of SimpleRNN, LSTM and GRU, and of Bidirectional around one of these, in a module of one layer:
 * `weight_ih_l0` [gates * units, in], `weight_hh_l0` [gates * units, units]. PyTorch adds two biases, of which tfjs has the
 * sum.
 *
 * @returns `undefined` for other layers
 */
export function recurrentLayouts(layer: tf.layers.Layer): readonly WeightLayout[] | undefined {
  const gates = GATES[recurrentClass(layer)];
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
 * Why PyTorch's module of the same weights computes another function than the layer.
 *
 * @returns `undefined` if it computes the same, or PyTorch has no such module
 */
export function recurrentDifference(layer: tf.layers.Layer): string | undefined {
  const className = recurrentClass(layer);
  if (!GATES[className]) return undefined;
  if (className === 'GRU')
    return "tfjs' GRU applies the reset gate before the recurrent product, PyTorch's after it";
  const { layer: inner, cell = inner?.cell, goBackwards = inner?.goBackwards } = layer as RecurrentLayer;
  if (goBackwards) return "PyTorch's does not go backwards";
  const activation = cell?.activation?.getClassName();
  const recurrent = cell?.recurrentActivation?.getClassName() ?? 'sigmoid';
  if (activation !== 'tanh') return `PyTorch's activation is tanh, not ${activation}`;
  if (recurrent !== 'sigmoid') return `PyTorch's recurrentActivation is sigmoid, not ${recurrent}`;
  return undefined;
}

function recurrentClass(layer: tf.layers.Layer): string {
  const className = baseClassOf(layer);
  const { layer: inner } = layer as RecurrentLayer;
  return className === 'Bidirectional' && inner ? baseClassOf(inner) : className;
}

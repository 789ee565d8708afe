/** Which weights of a layer adapters update, and with which kind of update. */
import type { LoraMethod } from '../config.ts';
import {
  addedToKernel,
  conv1dKind,
  conv2dKind,
  conv3dKind,
  denseKind,
  denseViewKind,
  depthwiseKind,
  embeddingKind,
  separableKind,
  sideOrWeight,
} from './kinds.ts';
import type { KindsByMethod, LayerKind } from './layer-kind.ts';
import { type BaseLayer, baseClassOf, baseWeightsOf } from './lora-layer.ts';
import { matricesKind } from './matrices.ts';

/** The tfjs layer classes with at most one kernel, and its kind per method. Empty: no kernel that adapters update by default. */
const KINDS_BY_CLASS: Readonly<Record<string, KindsByMethod>> = {
  Dense: { ...sideOrWeight(denseKind), 'weight-view': denseViewKind },
  Conv1D: sideOrWeight(conv1dKind),
  Conv2D: sideOrWeight(conv2dKind),
  Conv3D: sideOrWeight(conv3dKind),
  SeparableConv2D: sideOrWeight(separableKind),
  DepthwiseConv2D: sideOrWeight(depthwiseKind),
  Embedding: sideOrWeight(embeddingKind),
  Conv2DTranspose: {},
  BatchNormalization: {},
  LayerNormalization: {},
  PReLU: {},
};

/** The classes with several kernels: recurrent layers, and wrappers of cells and recurrent layers. */
const RECURRENT_CLASSES = ['SimpleRNN', 'LSTM', 'GRU', 'ConvLSTM2D', 'RNN', 'Bidirectional'];

/** The tfjs layer classes whose LoRA form is registered in tfjs under a name of its own. */
export const KNOWN_CLASSES: readonly string[] = [...Object.keys(KINDS_BY_CLASS), ...RECURRENT_CLASSES];

/** Returns the names of the classes that get A and B with `method` by default. */
export function classesWithKernels(method: LoraMethod): string[] {
  const classes = Object.entries(KINDS_BY_CLASS).flatMap(([name, kinds]) => (kinds[method] ? [name] : []));
  return method === 'weight-view' ? classes : [...classes, ...RECURRENT_CLASSES];
}

/**
 * Returns the kernels of a layer that adapters update by default, with their kinds by name. Empty if the layer's class has
 * none, or does not support `method`.
 */
export function kernelsOf(layer: BaseLayer, method: LoraMethod): ReadonlyMap<string, LayerKind> {
  const className = baseClassOf(layer);
  const kinds = layer.kinds ?? KINDS_BY_CLASS[className];
  if (kinds) {
    const kind = kinds[method];
    return new Map(kind && [[kind.kernelName, kind]]);
  }
  if (method === 'weight-view' || !RECURRENT_CLASSES.includes(className)) return new Map();
  const kernels = [...baseWeightsOf(layer)].filter(([name]) => /(^|\/)(recurrent_)?kernel$/.test(name));
  return new Map(
    kernels.flatMap(([name, { shape }]) => {
      const kind = recurrentKind(name, shape.length);
      return kind ? [[name, kind]] : [];
    }),
  );
}

/**
 * Returns how any weight of a layer is updated, also one that only `LoraConfig.targetWeights` selects: a kernel as in
 * `kernelsOf`, other weights as matrices over their last two axes.
 *
 * @returns undefined if the weight has fewer than two axes, is not float32, or does not support `method`
 */
export function kindOfWeight(layer: BaseLayer, name: string, method: LoraMethod): LayerKind | undefined {
  const kernel = kernelsOf(layer, method).get(name);
  if (kernel || method === 'weight-view') return kernel;
  const { shape, dtype } = baseWeightsOf(layer).get(name)!;
  const axes = shape.length;
  if (axes < 2 || dtype !== 'float32') return undefined;
  const batch = Array.from({ length: axes - 2 }, (_, axis) => axis);
  return matricesKind({ kernelName: name, batch, inputs: [axes - 2], outputs: [axes - 1] });
}

/**
 * Returns the kind of a kernel or recurrent kernel of a recurrent layer. The layer uses it in every step, so the update is
 * added to it once per call, also with method `side`.
 *
 * @param axes 2 for [in, gates * units], 4 for the convolution [height, width, in, gates * filters]
 * @returns undefined for other numbers of axes
 */
function recurrentKind(kernelName: string, axes: number): LayerKind | undefined {
  const base = { 2: denseKind, 4: conv2dKind }[axes];
  if (!base) return undefined;
  const { normAxes: _, ...kind } = addedToKernel(base);
  return { ...kind, kernelName };
}

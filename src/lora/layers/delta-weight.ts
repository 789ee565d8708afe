import * as tf from '@tensorflow/tfjs';
import { type KernelUpdate, type LayerAdapter, scalingOf, strengthTensor } from './adapter.ts';
import type { LayerKind } from './layer-kind.ts';
import type { LoraLayer } from './lora-layer.ts';

/** Whether an update is added to the kernel instead of being computed as a parallel branch. */
export function isAddedToKernel({ method }: Pick<LoraLayer, 'method'>, { kind }: KernelUpdate): boolean {
  return method !== 'side' || !kind.lowRankForward;
}

/** Whether a base weight has another value during a call: a delta weight is added to it, or an adapter has a copy of it. */
export function isReplaced(layer: LoraLayer, name: string): boolean {
  return [...layer.adapters.values()].some(({ updates, trainedCopies }) => {
    const update = updates.get(name);
    return trainedCopies.has(name) || (update !== undefined && isAddedToKernel(layer, update));
  });
}

/**
 * Returns a weight of the base layer with the active adapters merged into it: their trained copies, and their delta
 * weights if they update it.
 */
export function mergedWeight(layer: LoraLayer, name: string): tf.Tensor {
  return weightWithUpdates(layer, name, () => true);
}

/** Returns the value that a weight of the base layer has in a call, without what parallel branches add to the output. */
export function weightInCall(layer: LoraLayer, name: string): tf.Tensor {
  return weightWithUpdates(layer, name, (update) => isAddedToKernel(layer, update));
}

/** Returns a weight with the adapters' trained copies, and the delta weights of the updates that are `included`. */
function weightWithUpdates(
  layer: LoraLayer,
  name: string,
  included: (update: KernelUpdate) => boolean,
): tf.Tensor {
  const base = layer.baseWeights.get(name)!.read() as tf.Tensor;
  return [...layer.adapters.values()].reduce(
    (sum, adapter) => {
      const update = adapter.updates.get(name);
      return update && included(update) ? tf.add(sum, deltaWeight(adapter, update, base)) : sum;
    },
    weightWithCopies(layer, name),
  );
}

/**
 * Returns a weight W of the base layer blended with the adapters' trained copies C_i at their strengths t_i:
 * (1 - sum_i t_i)·W + sum_i t_i·C_i. With one adapter of strength 0 or 1 this is exactly W or C.
 */
function weightWithCopies(layer: LoraLayer, name: string): tf.Tensor {
  const weight = layer.baseWeights.get(name)!.read() as tf.Tensor;
  const adapters = [...layer.adapters.values()].filter(({ trainedCopies }) => trainedCopies.has(name));
  if (adapters.length === 0) return weight;
  const strengths = adapters.map(strengthTensor);
  const rest = tf.sub(1, strengths.length === 1 ? strengths[0]! : tf.addN(strengths));
  return adapters.reduce<tf.Tensor>(
    (sum, { trainedCopies }, index) =>
      tf.add(sum, tf.mul(trainedCopies.get(name)!.read(), strengths[index]!)),
    tf.mul(weight, rest),
  );
}

/**
 * Returns what an adapter adds to the kernel at its current strength (PEFT's `get_delta_weight`).
 *
 * @param kernel W, in the shape that the layer has it
 * @returns the shape of `kernel`
 */
function deltaWeight(adapter: LayerAdapter, update: KernelUpdate, kernel: tf.Tensor): tf.Tensor {
  const product = updateProduct(update, kernel.shape);
  const scaled = tf.mul(product, adapter.scale);
  if (!update.magnitude) return scaled;
  return doraTerm({ adapter, update, kernel, product, base: kernel, lora: scaled });
}

/** Returns A·B in the kernel's shape, minus the initial A·B if the adapter subtracts that. */
export function updateProduct(
  { kind, a, b, initialA, initialB }: KernelUpdate,
  kernelShape: readonly number[],
): tf.Tensor {
  const product = kind.product(a.read(), b.read(), kernelShape);
  return initialA ? tf.sub(product, kind.product(initialA.read(), initialB!.read(), kernelShape)) : product;
}

/** Input of `doraTerm`. */
interface DoraInput {
  readonly adapter: LayerAdapter;
  readonly update: KernelUpdate;
  /** W, in the shape that the layer has it. */
  readonly kernel: tf.Tensor;
  /** A·B in the shape of W. */
  readonly product: tf.Tensor;
  /** x·W [batch, ..., out], channels last; W itself to compute the delta weight. */
  readonly base: tf.Tensor;
  /** s·(x·A)·B in the shape of `base`; s·A·B to compute the delta weight. */
  readonly lora: tf.Tensor;
}

/**
 * Returns what weight-decomposed adaptation (DoRA, Liu et al. 2024, arXiv:2402.09353) adds to `base`. The kernel
 * becomes m·V / |V| with V = W + (alpha / r)·A·B, a trained magnitude m and the norm |V| over the inputs of each
 * output, both in the shape of `normShape`. The norm is a constant in gradients (section 4.3), as in PEFT. At a strength t below 1 this is t times
 * the full term.
 *
 * @returns the shape of `base`
 */
export function doraTerm({ adapter, update, kernel, product, base, lora }: DoraInput): tf.Tensor {
  const { kind, magnitude } = update;
  const { scale, settings } = adapter;
  const norm = withoutGradient(scale, () =>
    kernelNorm(kind, tf.add(kernel, tf.mul(product, scalingOf(settings)))),
  );
  // m / |V|, with axes of size 1 where the kernel has inputs: this shape also fits outputs of layers with channels last.
  const ratio = tf.reshape(
    tf.div(magnitude!.read(), norm),
    kernel.shape.map((side, axis) => (kind.normAxes!.includes(axis) ? 1 : side)),
  );
  const rescaledBase = tf.mul(base, tf.mul(tf.sub(ratio, 1), strengthTensor(adapter)));
  return tf.add(rescaledBase, tf.mul(lora, ratio));
}

/**
 * Returns the shape of a kernel's norm, and of DoRA's magnitude: the axes of the kernel that are not inputs. [out] for most
 * kinds, [in, multiplier] for a depthwise kernel, [...stack, out] for several matrices.
 */
export function normShape({ normAxes }: LayerKind, kernelShape: readonly number[]): number[] {
  return kernelShape.filter((_, axis) => !normAxes!.includes(axis));
}

/** Returns the Euclidean norm of the weights of each output, see `normShape`. */
export function kernelNorm(kind: LayerKind, kernel: tf.Tensor): tf.Tensor {
  return tf.sqrt(tf.sum(tf.square(kernel), [...kind.normAxes!]));
}

/** Computes a value that is a constant in gradients. tfjs needs an input for this; `frozen` is any untrained variable. */
function withoutGradient(frozen: tf.Variable, compute: () => tf.Tensor): tf.Tensor {
  const constant = tf.customGrad((input) => ({
    value: compute(),
    gradFunc: () => tf.zerosLike(input as tf.Tensor),
  }));
  return constant(frozen as unknown as tf.Tensor);
}

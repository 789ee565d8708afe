import * as tf from '@tensorflow/tfjs';
import { gateOf, type LayerAdapter } from './adapter.ts';
import { doraTerm } from './dora.ts';
import type { LayerKind } from './kind.ts';
import type { LoraLayer } from './lora-layer.ts';
import { kernelName } from './names.ts';

/** A·B in the kernel's shape, less what it was at first where the adapter keeps that. */
export function lowRankUpdate(kind: LayerKind, adapter: LayerAdapter, shape: readonly number[]): tf.Tensor {
  const { a, b, initialA, initialB } = adapter;
  const update = kind.update(a!.read(), b!.read(), shape);
  return initialA ? tf.sub(update, kind.update(initialA.read(), initialB!.read(), shape)) : update;
}

/** What an adapter adds to the kernel at its present strength, in the kernel's shape. */
function kernelUpdate(kind: LayerKind, adapter: LayerAdapter, kernel: tf.Tensor): tf.Tensor {
  const update = lowRankUpdate(kind, adapter, kernel.shape);
  const scaled = tf.mul(update, adapter.scale);
  return adapter.magnitude ? doraTerm(kind, kernel, adapter, update, kernel, scaled) : scaled;
}

/** Whether updates go into the kernel rather than beside it. */
export function isInKernel({ method, kind }: Pick<LoraLayer, 'method' | 'kind'>): boolean {
  return method !== 'side' || !kind?.path;
}

/** A base weight with copies swapped in and, where it is the kernel and `updated` is set, low-rank updates added. */
export function effectiveWeight(layer: LoraLayer, name: string, updated: boolean): tf.Tensor {
  const { kind, baseWeights } = layer;
  const base = baseWeights.get(name)!.read() as tf.Tensor;
  const adapters = [...layer.adapters.values()];
  const blended = blendCopies(base, adapters, name);
  if (!kind || name !== kernelName(kind) || !updated) return blended;
  return adapters
    .filter(({ a }) => a)
    .reduce((sum, adapter) => tf.add(sum, kernelUpdate(kind, adapter, base)), blended);
}

/** (1 - sum of gates)·base + sum of gate·copy: at gates of 0 and 1 exactly the base and the copy. */
function blendCopies(base: tf.Tensor, adapters: readonly LayerAdapter[], name: string): tf.Tensor {
  const owners = adapters.filter(({ trainedCopies }) => trainedCopies.has(name));
  if (owners.length === 0) return base;
  const gates = owners.map(gateOf);
  const rest = tf.sub(1, gates.length === 1 ? gates[0]! : tf.addN(gates));
  return owners.reduce<tf.Tensor>(
    (sum, { trainedCopies }, index) => tf.add(sum, tf.mul(trainedCopies.get(name)!.read(), gates[index]!)),
    tf.mul(base, rest),
  );
}

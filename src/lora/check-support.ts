import type * as tf from '@tensorflow/tfjs';
import { UsageError } from '../errors.ts';
import { listNames } from '../quote.ts';
import type { LoraMethod, ResolvedLoraConfig } from './config.ts';
import { classesWithKernels, kindOfWeight } from './layers/kernels.ts';
import type { LayerKind } from './layers/layer-kind.ts';
import { baseClassOf, baseWeightsOf } from './layers/lora-layer.ts';
import { weightPath } from './paths.ts';
import type { TargetLayer } from './select-layers.ts';

/** @throws UsageError if a target layer does not support an option */
export function checkSupport({ path, layer, kernels }: TargetLayer, config: ResolvedLoraConfig): void {
  const { method } = config;
  const place = `layer '${path}' (${baseClassOf(layer)})`;
  if (kernels.size === 0) throw unsupported(place, path, layer, method);
  for (const [name, kind] of kernels)
    checkKernel(kernels.size > 1 ? `weight '${weightPath(path, name)}'` : place, kind, config);
}

/** The error for a layer that `targets` names, but whose class has no kernel that adapters update by default. */
function unsupported(place: string, path: string, layer: tf.layers.Layer, method: LoraMethod): UsageError {
  const weights = [...baseWeightsOf(layer).keys()]
    .filter((name) => kindOfWeight(layer, name, method))
    .map((name) => weightPath(path, name));
  const remedy =
    weights.length > 0
      ? `name its weights in targetWeights: ${listNames(weights)}`
      : `supported are ${classesWithKernels(method).join(', ')}`;
  return new UsageError(
    'invalid-argument',
    `${place}: does not support method '${method}' by default; ${remedy}`,
  );
}

/**
 * @param place names the layer or weight in errors
 * @throws UsageError if the kind of a kernel does not support an option
 */
function checkKernel(place: string, kind: LayerKind, { dora, dropout, init }: ResolvedLoraConfig): void {
  if (dora && !kind.normAxes)
    throw new UsageError(
      'invalid-argument',
      `${place}: does not support DoRA; leave the layer out with 'exclude'`,
    );
  if (dropout > 0 && !kind.lowRankForward)
    throw new UsageError(
      'invalid-argument',
      `${place}: does not support dropout, because its update is added to the kernel; set dropout to 0, or leave the layer out with 'exclude'`,
    );
  if (kind.name === 'matrices' && !['kaiming', 'gaussian', 'normal', 'eva'].includes(init))
    throw new UsageError(
      'invalid-argument',
      `${place}: several matrices in one kernel do not support init '${init}'; use 'kaiming', 'gaussian' or 'normal'`,
    );
}

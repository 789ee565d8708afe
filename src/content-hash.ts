import { createHash } from 'node:crypto';
import * as tf from '@tensorflow/tfjs';
import { requireLayersModel } from './layers-model.ts';
import { namedLayers, numberAutomaticNames, numberedPaths, topologyOf } from './models/index.ts';

/**
 * Hashes the names, dtypes, shapes and values of weights with SHA-256. The order of the weights does not matter.
 *
 * @param weights tensors of any shape and dtype, by name
 * @returns 64 hexadecimal digits
 *
 * @example
 * weightsHash(baseWeights(model)) === weightsHash(baseWeights(base)); // training did not change the base
 */
export function weightsHash(weights: Iterable<readonly [name: string, value: tf.Tensor]>): string {
  const hash = createHash('sha256');
  const sorted = [...weights].sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  for (const [name, value] of sorted) {
    hash.update(`${name} ${value.dtype} [${value.shape}]\n`);
    const data = value.dataSync();
    if (value.dtype === 'string') hash.update(JSON.stringify(data));
    else hash.update(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
  }
  return hash.digest('hex');
}

/**
 * Hashes what a model computes: its layers or nodes, and its weights. Models that differ only in where they were saved, how they
 * were initialized or regularized, which weights are frozen, or the names that tfjs gives to layers without a name have
 * the same hash, also in other processes.
 *
 * @returns 64 hexadecimal digits
 */
export function contentHash(model: tf.LayersModel | tf.GraphModel): string {
  if (model instanceof tf.GraphModel) return graphHash(model);
  requireLayersModel(model);
  const topology = topologyOf(model);
  numberAutomaticNames(topology);
  topology.config.name = '';
  return createHash('sha256')
    .update(canonicalJson(topology))
    .update(weightsHash(weightsByPath(model)))
    .digest('hex');
}

/** Hashes the nodes, the outputs and the weights of a GraphModel. */
function graphHash(model: tf.GraphModel): string {
  const { artifacts, executor } = model as unknown as {
    artifacts: tf.io.ModelArtifacts;
    executor: { weightMap: Record<string, tf.Tensor[]> };
  };
  const { node, library } = artifacts.modelTopology as { node?: unknown; library?: unknown };
  const weights = Object.entries(executor.weightMap).map(([name, [value]]) => [name, value!] as const);
  return createHash('sha256')
    .update(canonicalJson({ node, library, outputs: model.outputNodes }))
    .update(weightsHash(weights))
    .digest('hex');
}

/** The weights of a model by `path/name`, without automatic names. */
function* weightsByPath(model: tf.LayersModel): Generator<[string, tf.Tensor]> {
  const paths = numberedPaths(model);
  for (const { path, layer } of namedLayers(model)) {
    const counts = new Map<string, number>();
    for (const weight of layer.weights) {
      // A wrapper of several layers has a weight of each name for each of them, always in the same order.
      const name = weight.originalName.replace(/.*\//, '');
      const count = counts.get(name) ?? 0;
      counts.set(name, count + 1);
      yield [`${paths.get(path) ?? path}/${name}${count > 0 ? `_${count}` : ''}`, weight.read()];
    }
  }
}

/** Keys of a layer's configuration that matter for training only. */
const TRAINING_KEYS = /(Initializer|Regularizer|Constraint)$|^trainable$/i;

/** Returns JSON with sorted keys, without what does not change the outputs. */
function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (key, entry) => {
    // tfjs writes the default dtype, and null for options that are not set, only for models that were built from JSON.
    if (TRAINING_KEYS.test(key) || (key === 'dtype' && entry === 'float32') || entry === null)
      return undefined;
    if (typeof entry !== 'object' || Array.isArray(entry)) return entry;
    return Object.fromEntries(Object.entries(entry).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}

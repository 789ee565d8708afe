import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { UsageError } from '../errors.ts';
import { LoraGraphModel, mergeLora, unloadLora } from '../graph-models/index.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { disableAdapters, enableAdapters, loraLayers, setAdapterStrength } from '../lora/index.ts';
import { takeValues } from '../models/index.ts';
import { shorten } from '../text/index.ts';
import { type Check, compareHashes, compareOutputs, exampleCount, type Outputs, ROUNDING } from './check.ts';
import { reloadAdapters } from './reload-adapters.ts';
import type { VerifyOptions } from './verify-options.ts';

/**
 * Checks a GraphModel and its adapters; see `verify`. Yields each result as soon as it is known.
 *
 * @param folder for temporary files
 */
export async function* verifyGraphModel(
  options: VerifyOptions<tf.GraphModel>,
  folder: string,
): AsyncGenerator<Check> {
  const { base, model, inputs, baseHash } = options;
  const claim = 'the base has the recorded content hash';
  yield compareHashes({ name: 'content', claim }, contentHash(base), baseHash);
  if (!(model instanceof LoraGraphModel)) return;
  const [baseOutputs, adaptedOutputs] = [graphOutputs(base, inputs), graphOutputs(model, inputs)];
  const compare = (name: string, sentence: string, values: Outputs, expected: Outputs, allowed: number) =>
    compareOutputs({ name, claim: sentence, detail: exampleCount(inputs) }, values, expected, allowed);

  const copy = await reloadAdapters(options, join(folder, 'adapter'));
  try {
    copyState(model, copy);
    const reloaded = 'the adapter gives the same outputs after saving and loading, bit for bit';
    yield compare('adapter-reload', reloaded, graphOutputs(copy, inputs), adaptedOutputs, 0);
    enableAdapters(copy);
    setAdapterStrength(copy, 0);
    const zero = 'at strength 0 the model gives the outputs of its base, bit for bit';
    yield compare('strength-zero', zero, graphOutputs(copy, inputs), baseOutputs, 0);
    setAdapterStrength(copy, 1);
    disableAdapters(copy);
    const disabled = 'with adapters disabled the model gives the outputs of its base, bit for bit';
    yield compare('disabled', disabled, graphOutputs(copy, inputs), baseOutputs, 0);
  } finally {
    copy.dispose();
  }
  const unmerged = unloadLora(model);
  const unmergedHash = contentHash(unmerged);
  unmerged.dispose();
  const unchanged = 'the base inside the adapted model has the recorded content hash';
  yield compareHashes({ name: 'base-unchanged', claim: unchanged }, unmergedHash, baseHash);

  const merged = mergeLora(model);
  try {
    const mergedOutputs = graphOutputs(merged, inputs);
    const same = 'the merged model gives the outputs of the adapted model';
    yield compare('merged', same, mergedOutputs, adaptedOutputs, ROUNDING);
    const loaded = await reloadPlain(merged);
    const loadedOutputs = graphOutputs(loaded, inputs);
    loaded.dispose();
    const bits = 'the merged model gives the same outputs after saving and loading, bit for bit';
    yield compare('merged-reload', bits, loadedOutputs, mergedOutputs, 0);
  } finally {
    merged.dispose();
  }
}

/** @throws UsageError if the graph does not run on the inputs */
function graphOutputs(model: tf.GraphModel, inputs: readonly tf.Tensor[]): Outputs {
  try {
    return [model.execute([...inputs])].flat().map(takeValues);
  } catch (error) {
    const reason = shorten((error as Error).message.split('\n')[0]!, 150);
    throw new UsageError('invalid-argument', `model: does not run on the inputs: ${reason}`, {
      cause: error,
    });
  }
}

/** Sets the strengths of a model's adapters to those in another model, and disables all adapters if they are disabled there. */
function copyState(from: AdaptableModel, to: AdaptableModel): void {
  for (const { layer } of loraLayers(from)) {
    for (const [name, { settings }] of layer.adapters) setAdapterStrength(to, settings.strength, name);
    if (!layer.enabled) disableAdapters(to);
  }
}

/** Saves a plain model and loads it again with tfjs. */
async function reloadPlain(model: tf.GraphModel): Promise<tf.GraphModel> {
  let saved: tf.io.ModelArtifacts | undefined;
  const handler = tf.io.withSaveHandler(async (artifacts) => {
    saved = artifacts;
    return { modelArtifactsInfo: tf.io.getModelArtifactsInfoForJSON(artifacts) };
  });
  await model.save(handler);
  return await tf.loadGraphModel(tf.io.fromMemory(saved!));
}

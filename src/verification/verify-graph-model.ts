import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { UsageError } from '../errors.ts';
import { LoraGraphModel, mergeLora, unloadLora } from '../graph-models/index.ts';
import {
  activeAdapters,
  adapterNames,
  disableAdapters,
  loraLayers,
  setActiveAdapters,
  setAdapterStrength,
} from '../lora/index.ts';
import { takeValues } from '../models/index.ts';
import { loadPeft, savePeft } from '../peft/index.ts';
import { shorten } from '../text/index.ts';
import { type Check, compareHashes, compareOutputs, exampleCount, type Outputs, ROUNDING } from './check.ts';
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

  const copy = await reloadAdapters(model, options, join(folder, 'adapter'));
  try {
    const reloaded = 'the adapter gives the same outputs after saving and loading, bit for bit';
    yield compare('adapter-reload', reloaded, graphOutputs(copy, inputs), adaptedOutputs, 0);
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
  const unchanged = 'the base inside the adapted model has the recorded content hash';
  yield compareHashes({ name: 'base-unchanged', claim: unchanged }, contentHash(unmerged), baseHash);
  unmerged.dispose();

  const merged = mergeLora(model);
  try {
    const mergedOutputs = graphOutputs(merged, inputs);
    const same = 'the merged model gives the outputs of the adapted model';
    yield compare('merged', same, mergedOutputs, adaptedOutputs, ROUNDING);
    const loaded = await reloadPlain(merged);
    const bits = 'the merged model gives the same outputs after saving and loading, bit for bit';
    yield compare('merged-reload', bits, graphOutputs(loaded, inputs), mergedOutputs, 0);
    loaded.dispose();
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

/** Saves all adapters, and loads them onto the base, with the same ones active at the same strengths. */
async function reloadAdapters(
  model: LoraGraphModel,
  { base, baseHash }: VerifyOptions<tf.GraphModel>,
  folder: string,
): Promise<LoraGraphModel> {
  await savePeft(model, folder, { baseHash });
  const [first, ...others] = adapterNames(model);
  const loaded = await loadPeft(base, folder, { adapter: first, anyBase: true });
  for (const adapter of others) await loadPeft(loaded, folder, { adapter, anyBase: true });
  setActiveAdapters(loaded, activeAdapters(model));
  for (const { layer } of loraLayers(model))
    for (const [name, { settings }] of layer.adapters) setAdapterStrength(loaded, settings.strength, name);
  return loaded;
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

import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { contentHash } from '../content-hash.ts';
import { UsageError } from '../errors.ts';
import { LoraGraphModel, mergeLora, unloadLora } from '../graph-models/index.ts';
import type { AdaptableModel } from '../layers-model.ts';
import { disableAdapters, enableAdapters, loraLayers, setAdapterStrength } from '../lora/index.ts';
import { takeValues } from '../models/index.ts';
import { shorten } from '../text/index.ts';
import {
  type Check,
  checkNamed,
  compareHashes,
  compareOutputs,
  exampleCount,
  type Outputs,
  ROUNDING,
} from './check.ts';
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
  yield compareHashes(checkNamed('content'), contentHash(base), baseHash);
  if (!(model instanceof LoraGraphModel)) return;
  const [baseOutputs, adaptedOutputs] = [graphOutputs(base, inputs), graphOutputs(model, inputs)];
  const detail = exampleCount(inputs);

  const copy = await reloadAdapters(options, join(folder, 'adapter'));
  const compareCopy = (name: 'adapter-reload' | 'strength-zero' | 'disabled', expected: Outputs) =>
    compareOutputs({ ...checkNamed(name), detail }, graphOutputs(copy, inputs), expected, 0);
  try {
    copyState(model, copy);
    yield compareCopy('adapter-reload', adaptedOutputs);
    enableAdapters(copy);
    setAdapterStrength(copy, 0);
    yield compareCopy('strength-zero', baseOutputs);
    setAdapterStrength(copy, 1);
    disableAdapters(copy);
    yield compareCopy('disabled', baseOutputs);
  } finally {
    copy.dispose();
  }
  const unmerged = unloadLora(model);
  const unmergedHash = contentHash(unmerged);
  unmerged.dispose();
  yield compareHashes(checkNamed('base-unchanged'), unmergedHash, baseHash);

  const merged = mergeLora(model);
  try {
    const outputs = graphOutputs(merged, inputs);
    yield compareOutputs({ ...checkNamed('merged'), detail }, outputs, adaptedOutputs, ROUNDING);
    const loaded = await reloadPlain(merged);
    const loadedOutputs = graphOutputs(loaded, inputs);
    loaded.dispose();
    yield compareOutputs({ ...checkNamed('merged-reload'), detail }, loadedOutputs, outputs, 0);
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

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs';
import { checkFields, checkOptions } from '../arguments.ts';
import { contentHash } from '../content-hash.ts';
import { AppError, CheckpointError, UsageError } from '../errors.ts';
import { requireLayersModel } from '../layers-model.ts';
import {
  adapterNames,
  disableAdapters,
  enableAdapters,
  hasLora,
  mergeLora,
  setActiveAdapters,
  setAdapterStrength,
  unloadLora,
} from '../lora/index.ts';
import { cloneModel } from '../models/index.ts';
import { savePeft } from '../peft/index.ts';
import { loadModel, saveModel } from '../runs/index.ts';
import { float32Values } from '../safetensors/index.ts';
import { toStateDict } from '../torch/index.ts';
import {
  type Check,
  checkNamed,
  compareHashes,
  compareOutputs,
  exampleCount,
  type Outputs,
  outputsOf,
  ROUNDING,
  skipped,
} from './check.ts';
import { mergeByFormula } from './peft-formula.ts';
import { reloadAdapters } from './reload-adapters.ts';
import { verifyGraphModel } from './verify-graph-model.ts';
import type { VerifyOptions } from './verify-options.ts';

/**
 * Checks the guarantees of this library on a model and its adapters: the base is unchanged, adapters that are off have
 * no effect, merging and saving keep the outputs, and PEFT's formula gives the merged weights. Yields each result as
 * soon as it is known. PEFT's formula is not checked for a GraphModel.
 *
 * Neither the model nor the base is changed; files go to a temporary folder. Models and tensors made for the checks
 * are disposed.
 *
 * @throws UsageError if an option is not what its type says, or a GraphModel does not run on the inputs
 * @throws CheckpointError if the temporary files cannot be written
 * @example
 * for await (const { claim, outcome } of verify({ base, model, inputs: [images], baseHash: contentHash(base) })) {
 *   console.log(`${outcome}: ${claim}`);
 * }
 */
export async function* verify(options: VerifyOptions): AsyncGenerator<Check> {
  checkOptions(options, { base: 'object', model: 'object', inputs: 'list', baseHash: 'string' });
  if (!isOfGraphModel(options)) {
    requireLayersModel(options.base);
    requireLayersModel(options.model);
  }
  for (const [index, input] of options.inputs.entries())
    checkFields<Pick<tf.Tensor, 'shape' | 'dtype'>>(`inputs[${index}]`, input, {
      shape: 'list',
      dtype: 'string',
    });
  const expected = options.base.inputs.length;
  if (options.inputs.length !== expected)
    throw new UsageError(
      'invalid-argument',
      `inputs: has ${options.inputs.length} tensors, the model has ${expected} inputs; give one tensor for each`,
    );
  const folder = await mkdtemp(join(tmpdir(), 'tfjs-lora-verify-'));
  try {
    if (isOfGraphModel(options)) yield* verifyGraphModel(options, folder);
    else yield* checkLayersModel(options as VerifyOptions<tf.LayersModel>, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function isOfGraphModel(options: VerifyOptions): options is VerifyOptions<tf.GraphModel> {
  return options.base instanceof tf.GraphModel && options.model instanceof tf.GraphModel;
}

async function* checkLayersModel(
  options: VerifyOptions<tf.LayersModel>,
  folder: string,
): AsyncGenerator<Check> {
  const { base, model, inputs, baseHash } = options;
  const outputs = outputsOf(base, inputs);
  yield compareHashes(checkNamed('content'), contentHash(base), baseHash);
  yield await checkReload('base', base, outputs, options, folder);
  if (hasLora(model)) yield* checkAdapters(options, outputs, folder);
}

async function* checkAdapters(
  options: VerifyOptions<tf.LayersModel>,
  baseOutputs: Outputs,
  folder: string,
): AsyncGenerator<Check> {
  const { model, inputs, baseHash } = options;
  const detail = exampleCount(inputs);
  const adaptedOutputs = outputsOf(model, inputs);
  yield using(cloneModel(model), (copy) => {
    setAdapterStrength(copy, 0);
    enableAdapters(copy);
    return compareOutputs(
      { ...checkNamed('strength-zero'), detail },
      outputsOf(copy, inputs),
      baseOutputs,
      0,
    );
  });
  yield using(cloneModel(model), (copy) => {
    disableAdapters(copy);
    return compareOutputs({ ...checkNamed('disabled'), detail }, outputsOf(copy, inputs), baseOutputs, 0);
  });
  yield using(unloadLora(model), (unmerged) =>
    compareHashes(checkNamed('base-unchanged'), contentHash(unmerged), baseHash),
  );
  const merged = mergeLora(model);
  try {
    const mergedOutputs = outputsOf(merged, inputs);
    yield compareOutputs({ ...checkNamed('merged'), detail }, mergedOutputs, adaptedOutputs, ROUNDING);
    yield await checkReload('merged', merged, mergedOutputs, options, folder);
  } finally {
    merged.dispose();
  }
  yield await checkAdapterReload(options, join(folder, 'adapter'));
  for (const adapter of adapterNames(model)) {
    yield await checkPeftFormula(options, adapter, join(folder, 'peft'));
  }
}

/** Saves a plain model, loads it and compares the outputs. */
async function checkReload(
  name: 'base' | 'merged',
  model: tf.LayersModel,
  outputs: Outputs,
  { inputs }: VerifyOptions<tf.LayersModel>,
  folder: string,
): Promise<Check> {
  const path = join(folder, name);
  await saveModel(model, path);
  return using(await loadModel(path), (loaded) => {
    const check = { ...checkNamed(`${name}-reload`), detail: exampleCount(inputs) };
    return compareOutputs(check, outputsOf(loaded, inputs), outputs, 0);
  });
}

/**
 * Saves all adapters, loads them onto the base and compares the outputs. The adapters are enabled and at strength 1, as saved
 * ones are.
 */
async function checkAdapterReload(options: VerifyOptions<tf.LayersModel>, folder: string): Promise<Check> {
  const { model, inputs } = options;
  const outputs = using(cloneModel(model), (copy) => {
    setAdapterStrength(copy, 1);
    enableAdapters(copy);
    return outputsOf(copy, inputs);
  });
  return using(await reloadAdapters(options, folder), (loaded) => {
    const check = { ...checkNamed('adapter-reload'), detail: exampleCount(inputs) };
    return compareOutputs(check, outputsOf(loaded, inputs), outputs, 0);
  });
}

/** Compares the merged weights with those that PEFT's formula gives from the adapter's files. */
async function checkPeftFormula(
  { model, base, baseHash }: VerifyOptions<tf.LayersModel>,
  adapter: string,
  folder: string,
): Promise<Check> {
  const name = 'peft-round-trip';
  const claim = `PEFT's formula gives the merged weights from the files of adapter '${adapter}'`;
  try {
    await savePeft(model, folder, { adapter, peftOnly: true, baseHash });
  } catch (error) {
    if (error instanceof AppError && error.code === 'peft-incompatible')
      return skipped({ name, claim }, error.message);
    throw error;
  }
  const files = adapter === 'default' ? folder : join(folder, adapter);
  let stateDict: ReturnType<typeof toStateDict>;
  try {
    stateDict = toStateDict(base);
  } catch (error) {
    if (error instanceof CheckpointError) return skipped({ name, claim }, error.message);
    throw error;
  }
  const expected = await mergeByFormula(files, stateDict);
  return using(cloneModel(model), (copy) => {
    setActiveAdapters(copy, [adapter]);
    setAdapterStrength(copy, 1);
    enableAdapters(copy);
    return using(mergeLora(copy), (merged) => {
      const weights = toStateDict(merged);
      return compareOutputs(
        { name, claim, detail: `${weights.size} weights` },
        [...weights].map(([key, tensor]) => float32Values(key, tensor)),
        [...weights.keys()].map((key) => expected.get(key)!),
        ROUNDING,
      );
    });
  });
}

/** Passes the model to `work`, and disposes it afterwards. */
function using<T>(model: tf.LayersModel, work: (model: tf.LayersModel) => T): T {
  try {
    return work(model);
  } finally {
    model.dispose();
  }
}
